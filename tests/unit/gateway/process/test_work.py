from gateway.process.work import OTHER_CARRIERS, _name_carriers


class TestCarriers:
    def test_without_orders_are_told_with_0(self):
        assert _name_carriers({}, {"1": "telkomsel"}) == {"telkomsel": 0}

    def test_without_a_label_of_their_own_are_counted_together(self):
        counted = _name_carriers({"1": 4, "2": 5, "3": 6}, {"1": "telkomsel"})
        assert counted == {"telkomsel": 4, OTHER_CARRIERS: 11}
