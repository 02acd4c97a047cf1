"""An account is read as people write it, brought to its platform's one form, or kept as it was written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.accounts.forms import ReadAccount, find_by_address, name_account, name_platform, read_account
from ledger.accounts.vocabulary import AccountKind
from ledger.vocabulary import Platform

ACCOUNT, GROUP, POST, UNREAD = AccountKind
ANYTHING = st.text(max_size=80)
WORDS = st.text("abcXYZ019._-@~+/?#&=%:\\ \u200b\u202e\uff20öж", max_size=40)
HOSTS = st.sampled_from(
    [
        *("wa.me", "api.whatsapp.com", "chat.whatsapp.com", "t.me", "telegram.me", "facebook.com", "m.me", "fb.com"),
        *("instagram.com", "tiktok.com", "x.com", "twitter.com", "line.me", "signal.me", "youtube.com", "discord.com"),
        *("discord.gg", "viber.com", "example.org", "bücher.example", "what.sapp", "x"),
    ]
)
ADDRESSES = st.builds(
    "{}{}{}/{}".format,
    st.sampled_from(["", "https://", "HTTP://", "tg://", "//"]),
    st.sampled_from(["", "www.", "m."]),
    HOSTS,
    WORDS,
)
PLATFORMS = (
    st.sampled_from([*Platform, "WA", "Messenger", "Twitter", "t.me", "Bigo Live", "bücher.example", "medsos"])
    | ANYTHING
)
SOUGHT = st.none() | ANYTHING | WORDS | ADDRESSES


def read_again(account):
    return read_account(account.platform_name or account.platform, account.handle)


WRITTEN = {
    (Platform.WHATSAPP, "+6281234567890"): [
        ("WhatsApp", "0812-3456-7890", None),
        ("WA", "+62 812 3456 7890", None),
        ("wa.me", "6281234567890", None),
        ("whatsapp", None, "https://wa.me/6281234567890?text=Halo%20kak"),
        ("whatsapp", None, "https://wa.me/+6281234567890/"),
        ("whatsapp", None, "http://WA.ME/c/6281234567890"),
        ("whatsapp", None, "https://api.whatsapp.com/send?phone=6281234567890&text=x"),
        ("whatsapp", None, "https://api.whatsapp.com/send/?phone=%2B6281234567890"),
        ("whatsapp", None, "https://web.whatsapp.com/send?phone=+6281234567890"),
        ("Whats App", "whatsapp://send?phone=6281234567890", None),
        ("medsos", "wa.me/6281234567890", None),
        ("WhatsApp", "Budi, CS Bank", "https://wa.me/6281234567890"),
        ("WhatsApp", "\u202a+62 812\u20113456\u20117890\u202c", None),
    ],
    (Platform.TELEGRAM, "budi_s"): [
        ("Telegram", "@Budi_S", None),
        ("TG", "budi_s", None),
        ("telegram", None, "https://t.me/Budi_S"),
        ("telegram", None, "https://telegram.me/budi_s/?start=1"),
        ("telegram", None, "https://t.me/s/budi_s"),
        ("telegram", None, "https://budi_s.t.me/"),
        ("telegram", "tg://resolve?domain=Budi_S", None),
        ("telegram", "\uff20budi_s\u200b", None),
    ],
    (Platform.TELEGRAM, "+6281234567890"): [
        ("Telegram", "0812 3456 7890", None),
        ("Telegram", None, "https://t.me/+6281234567890"),
        ("Telegram", "tg://resolve?phone=6281234567890", None),
    ],
    (Platform.FACEBOOK, "budisantoso"): [
        ("Facebook", "Budi.Santoso", None),
        ("Messenger", "budisantoso", None),
        ("fb", None, "https://www.facebook.com/budi.santoso/"),
        ("fb", None, "https://id-id.facebook.com/BudiSantoso?locale=id_ID"),
        ("fb", None, "https://m.facebook.com/budi.santoso/about"),
        ("fb", None, "https://fb.com/budi.santoso"),
        ("fb", None, "https://m.me/budi.santoso"),
        ("fb", None, "https://www.messenger.com/t/budi.santoso"),
    ],
    (Platform.FACEBOOK, "profile.php?id=100012345678901"): [
        ("FB", None, "https://www.facebook.com/profile.php?id=100012345678901&mibextid=ZbWKwL"),
        ("FB", None, "https://m.facebook.com/people/Budi-Santoso/100012345678901/"),
        ("FB", None, "https://web.facebook.com/100012345678901"),
        ("FB", None, "https://facebook.com/groups/1/user/100012345678901/"),
        ("FB", "Budi Santoso", "https://www.facebook.com/profile.php?id=100012345678901"),
        ("FB", "budi.santoso", "https://www.facebook.com/profile.php?id=100012345678901"),
    ],
    (Platform.INSTAGRAM, "budi.s_"): [
        ("Instagram", "@Budi.S_", None),
        ("IG", None, "https://www.instagram.com/budi.s_/?igsh=MzRlODBiNWFlZA=="),
        ("IG", None, "https://instagram.com/Budi.S_?utm_source=qr"),
        ("IG", None, "https://ig.me/m/budi.s_"),
        ("instagram.com", None, "https://www.instagram.com/%62udi.s_/tagged/"),
    ],
    (Platform.TIKTOK, "budi.s"): [
        ("TikTok", "@Budi.s", None),
        ("Tik Tok", None, "https://www.tiktok.com/@budi.s?lang=id-ID"),
        ("tiktok", None, "https://m.tiktok.com/@budi.s/live"),
    ],
    (Platform.X, "budi"): [
        ("X", "@Budi", None),
        ("Twitter", None, "https://twitter.com/budi"),
        ("X (Twitter)", None, "https://mobile.twitter.com/Budi/with_replies?s=20"),
        ("x.com", None, "https://x.com/budi/"),
        ("twitter", None, "https://twitter.com/intent/user?screen_name=budi"),
    ],
    (Platform.LINE, "budi.s"): [
        ("LINE", "Budi.S", None),
        ("line", "~budi.s", None),
        ("line", None, "https://line.me/ti/p/~budi.s"),
    ],
    (Platform.LINE, "@bank"): [
        ("LINE", "@Bank", None),
        ("line", None, "https://line.me/R/ti/p/%40bank"),
        ("line", None, "https://page.line.me/bank"),
        ("line", "line://ti/p/@bank", None),
    ],
    (Platform.SIGNAL, "budi.01"): [("Signal", "Budi.01", None), ("signal", "@budi.01", None)],
    (Platform.SIGNAL, "+6281234567890"): [
        ("Signal", "081234567890", None),
        ("Signal", None, "https://signal.me/#p/+6281234567890"),
        ("Signal", "sgnl://signal.me/#p/+6281234567890", None),
    ],
    (Platform.YOUTUBE, "@budi"): [
        ("YouTube", "@Budi", None),
        ("YouTube", "budi", None),
        ("yt", None, "https://m.youtube.com/@budi/videos"),
    ],
    (Platform.YOUTUBE, "channel/UCabcdefghijklmnopqrstuV"): [
        ("YouTube", None, "https://www.youtube.com/channel/UCabcdefghijklmnopqrstuV/about"),
    ],
    (Platform.DISCORD, "budi_s"): [("Discord", "@Budi_S", None)],
    (Platform.DISCORD, "users/123456789012345678"): [("Discord", None, "https://discord.com/users/123456789012345678")],
    (Platform.VIBER, "+6281234567890"): [
        ("Viber", "viber://chat?number=%2B6281234567890", None),
        ("Viber", "081234567890", None),
    ],
}


class TestReadAccount:
    @pytest.mark.parametrize(
        ("wanted", "written"), [(wanted, written) for wanted, forms in WRITTEN.items() for written in forms]
    )
    def test_reads_every_way_of_writing_an_account_to_one_handle(self, wanted, written):
        found = read_account(*written)
        assert (found.platform, found.handle, found.kind) == (*wanted, ACCOUNT)

    @pytest.mark.parametrize(
        ("platform", "url", "kind"),
        [
            ("WhatsApp", "https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv", GROUP),
            ("WhatsApp", "https://whatsapp.com/channel/0029VaAbC", GROUP),
            ("Telegram", "https://t.me/+AbCdEf12345", GROUP),
            ("Telegram", "https://t.me/joinchat/AbCdEf", GROUP),
            ("Telegram", "https://t.me/budi_s/123", POST),
            ("Telegram", "https://t.me/c/1234/5", POST),
            ("Facebook", "https://www.facebook.com/groups/123456", GROUP),
            ("Facebook", "https://www.facebook.com/budi.santoso/posts/pfbid0abc", POST),
            ("Facebook", "https://fb.watch/abc/", POST),
            ("Instagram", "https://www.instagram.com/reel/C1234/", POST),
            ("Instagram", "https://www.instagram.com/budi/p/C1234/", POST),
            ("TikTok", "https://www.tiktok.com/@budi/video/7301234567890", POST),
            ("X", "https://x.com/budi/status/1234567890", POST),
            ("LINE", "https://line.me/ti/g/AbCdEf", GROUP),
            ("YouTube", "https://youtu.be/dQw4w9WgXcQ", POST),
            ("Discord", "https://discord.gg/abc", GROUP),
        ],
    )
    def test_tells_groups_and_posts_from_accounts_and_keeps_them_as_written(self, platform, url, kind):
        found = read_account(platform, None, url)
        assert (found.kind, found.handle, found.e164) == (kind, url, None)

    @pytest.mark.parametrize(
        ("platform", "handle", "url"),
        [
            ("WhatsApp", "Budi", None),
            ("WhatsApp", None, "https://wa.me/message/ABCDEFG"),
            ("WhatsApp", None, "https://wa.me/081234567890"),
            ("WhatsApp", None, "https://t.me/budi_s"),
            ("Telegram", "6281234567890", None),
            ("Telegram", "@budi_s", "https://t.me/another"),
            ("Telegram", None, "https://t.me/joinchat"),
            ("Telegram", None, "https://t.me/login"),
            ("Telegram", None, "https://telegram.org/budi_s"),
            ("Telegram", "budi_", None),
            ("Facebook", "6281234567890", None),
            ("Facebook", None, "https://www.facebook.com/marketplace"),
            ("Facebook", None, "https://l.facebook.com/l.php?u=https%3A%2F%2Fevil.example"),
            ("Facebook", None, "https://www.facebook.com/share/1AbCdEf/"),
            ("Facebook", None, "https://www.messenger.com/t/1234567890"),
            ("Instagram", None, "https://www.instagram.com/explore/"),
            ("Instagram", "budi..s", None),
            ("TikTok", None, "https://vm.tiktok.com/ZSabc/"),
            ("X", None, "https://x.com/home"),
            ("LINE", None, "https://line.me/ti/p/AbCdEf"),
            ("YouTube", "UCabcdefghijklmnopqrstuV", None),
            ("YouTube", None, "https://www.youtube.com/budi"),
            ("Discord", "Budi#1234", None),
            ("Bigo Live", "budi", None),
        ],
    )
    def test_never_guesses_and_keeps_what_it_can_not_read_as_written(self, platform, handle, url):
        found = read_account(platform, handle, url)
        assert (found.kind, found.handle) == (UNREAD, " ".join(filter(None, [handle, url])))

    @pytest.mark.parametrize(
        "url",
        [
            "https://t.me@evil.example/budi_s",
            "https://t.me\\@evil.example/budi_s",
            "https://evil.example\\t.me/budi_s",
            "https://t.me:8443/budi_s",
            "https://t.me.evil.example/budi_s",
            "https://xn--t-zbb.me/budi_s",
            "https://ｔ.me.evil.example/budi_s",
            "https://evil.example/?u=https://t.me/budi_s",
            "https://t.me/bu%64i_s%2f..",
            "https://t.me/\u202ebudi_s",
            "https://t.me/budı_s",
            "https://t.me/%ff",
            "https://[t.me/budi_s",
        ],
    )
    def test_address_that_only_looks_like_another_accounts_frames_nobody(self, url):
        assert read_account("Telegram", None, url).kind is UNREAD
        assert read_account("medsos", None, url).kind is UNREAD

    def test_parameter_given_twice_frames_nobody(self):
        url = "https://api.whatsapp.com/send?phone=6281234567890&phone=6281234567891"
        assert read_account("WhatsApp", None, url).kind is UNREAD

    def test_names_another_platform_by_its_domain_or_its_name(self):
        by_url = read_account("medsos", None, "https://www.Bücher.example/u/Bob")
        assert (by_url.platform, by_url.platform_name) == (Platform.OTHER, "xn--bcher-kva.example")
        by_name = [read_account(name, "Bob") for name in ("Bigo Live", " BIGO   live", "bigo\u200b Live")]
        assert {(each.platform, each.platform_name) for each in by_name} == {(Platform.OTHER, "bigo live")}

    def test_domain_that_spells_a_platforms_name_is_not_that_platform(self):
        assert read_account("what.sapp", "081234567890").platform_name == "what.sapp"
        assert read_account("medsos", None, "https://face.book/budi").platform_name == "face.book"

    def test_reads_a_number_as_one_of_the_region(self):
        assert read_account("WhatsApp", "(415) 555-2671", region="US").handle == "+14155552671"
        assert read_account("WhatsApp", "(415) 555-2671", region="??").kind is UNREAD

    def test_says_which_number_an_account_is(self):
        assert read_account("WhatsApp", "081234567890").e164 == "+6281234567890"
        assert read_account("Telegram", "budi_s").e164 is None

    @given(PLATFORMS, SOUGHT, SOUGHT)
    @settings(max_examples=500, deadline=None)
    def test_never_raises_and_its_form_read_again_is_itself(self, platform, handle, url):
        found = read_account(platform, handle, url)
        assert read_again(found) == found
        assert len(found.key_hash) == 64

    @given(st.sampled_from(list(WRITTEN)), st.data())
    @settings(deadline=None)
    def test_two_ways_of_writing_one_account_have_one_key(self, wanted, data):
        one, other = (data.draw(st.sampled_from(WRITTEN[wanted])) for _ in range(2))
        assert read_account(*one).key_hash == read_account(*other).key_hash

    def test_accounts_that_differ_have_different_keys(self):
        keys = {
            ReadAccount(platform=platform, kind=ACCOUNT, handle=handle).key_hash
            for platform in (Platform.X, Platform.TIKTOK)
            for handle in ("a", "b")
        }
        assert len(keys) == 4


class TestFindByAddress:
    def test_finds_the_account_of_a_listed_platform_and_no_other(self):
        assert find_by_address("instagram.com/Budi") == read_account("IG", "budi")
        assert find_by_address("https://example.org/budi") is None
        assert find_by_address("budi") is None

    @given(ANYTHING | ADDRESSES)
    @settings(deadline=None)
    def test_never_raises(self, text):
        find_by_address(text)


class TestNamePlatform:
    @given(ANYTHING)
    def test_name_of_another_platform_named_again_is_itself(self, text):
        platform, other = name_platform(text)
        assert name_platform(other or platform) == (platform, other)
        assert (platform is Platform.OTHER) == (other != "")


class TestNameAccount:
    def test_finds_what_was_kept_as_written_by_how_it_was_written(self):
        kept = read_account("Bigo Live", "Bob")
        assert name_account(Platform.OTHER, "Bob", platform_name="Bigo Live") == kept
        assert name_account(Platform.TELEGRAM, "@Budi_S") == read_account("tg", "budi_s")
