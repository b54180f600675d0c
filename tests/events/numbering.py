"""How the seats of a row are numbered by each rule: what the service and the page must both say."""

NUMBERS: list[tuple[str, str, list[int]]] = [
    ("left", "sxs_as", [1, 2, 3, 4, 5]),
    ("right", "sxs_as", [5, 4, 3, 2, 1]),
    ("odd-left", "sxs_as", [1, 3, 5, 7, 9]),
    ("odd-right", "sxs_as", [9, 7, 5, 3, 1]),
    ("even-left", "sxs_as", [2, 4, 6, 8, 10]),
    ("even-right", "sxs_as", [10, 8, 6, 4, 2]),
    ("odd-even", "sxs_as", [5, 3, 1, 2, 4]),
    ("even-odd", "sxs_as", [6, 4, 2, 1, 3]),
    ("odd-even", "sssss", [5, 3, 1, 2, 4]),
    ("even-odd", "sssss", [4, 2, 1, 3, 5]),
    ("odd-even", "_s_sss", [1, 2, 4, 6]),
    ("odd-even", "ss_ss__s", [3, 1, 2, 4, 6]),
    ("even-odd", "ss__ss", [4, 2, 1, 3]),
    ("odd-even", "s", [1]),
    ("even-odd", "s", [1]),
    ("even-right", "s", [2]),
]
