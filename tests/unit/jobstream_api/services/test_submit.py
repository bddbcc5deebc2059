from jobstream_api.services.submit import Key


def test_spacing_and_order_do_not_make_another_document():
    one = Key.of("k", {"a": 1, "b": {"c": [1, 2], "d": None}})
    two = Key.of("k", {"b": {"d": None, "c": [1, 2]}, "a": 1})
    assert one == two


def test_order_in_arrays_and_numbers_do():
    assert Key.of("k", {"a": [1, 2]}) != Key.of("k", {"a": [2, 1]})
    assert Key.of("k", {"a": 1}) != Key.of("k", {"a": "1"})
    assert Key.of("k", {"a": 1}) != Key.of("k", {"a": True})
