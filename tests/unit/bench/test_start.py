"""Which modules of a start are other people's."""

from bench.start import find_foreign_modules

_SAID = """\
import time: self [us] | cumulative | imported package
import time:       105 |        105 |   encodings.aliases
import time:       200 |        300 | strawberry
import time:       200 |        300 |   strawberry.schema
import time:       200 |        300 |     gateway.process.server
import time:       200 |        300 |     cli
import time:        10 |         10 |   _cffi_backend
import time:       123 |        123 |     graphql.language.ast
Serving http://127.0.0.1:1/graphql
"""


class TestFindingForeignModules:
    def test_leaves_out_pythons_and_ours_and_names_packages_before_what_is_in_them(self) -> None:
        assert find_foreign_modules(_SAID) == ["graphql.language.ast", "strawberry", "strawberry.schema"]
