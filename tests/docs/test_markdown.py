"""The reader of pages that the other tests here stand on."""

from pathlib import Path

import pytest

from tests.support import markdown
from tests.support.markdown import ROOT, Block

PAGE = """# A page: it's short

[one](other.md) and [two](other.md#part)

```sh run
echo hello   # [not](a-link)
```

````markdown
```sh
nested
```
````

```python file=shop.py
x = 1
```

| a | b |
| --- | :-: |
| `x\\|y` | 2 |
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def returns(language: str, text: str) -> Block:
    return Block(ROOT / "README.md", 1, language, frozenset({"returns"}), {}, text)


def test_blocks_have_language_words_options_and_text(page: Path) -> None:
    shell, nested, python = markdown.blocks(page)
    assert (shell.language, shell.words, shell.line) == ("sh", frozenset({"run"}), 5)
    assert shell.text == "echo hello   # [not](a-link)\n"
    assert nested.text == "```sh\nnested\n```\n"
    assert (python.options, python.text) == ({"file": "shop.py"}, "x = 1\n")


def test_an_open_fence_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "open.md"
    path.write_text("```sh\nls\n")
    with pytest.raises(ValueError, match="not closed"):
        markdown.blocks(path)


def test_links_anchors_and_rows_are_those_outside_of_blocks(page: Path) -> None:
    assert markdown.links(page) == [(3, "other.md"), (3, "other.md#part")]
    assert markdown.anchors(page) == {"a-page-its-short"}
    assert markdown.rows(page) == [["a", "b"], ["`x\\|y`", "2"]]


@pytest.mark.parametrize(
    ("wanted", "printed", "fits"),
    [
        ('{"a": 1}', '{"a": 1, "b": 2}', True),
        ('{"a": "..."}', '{"a": [1]}', True),
        ('{"a": {"b": 1}}', '{"a": {"b": 2}}', False),
        ('{"a": [{"b": 1}]}', '{"a": [{"b": 1, "c": 2}]}', True),
        ('{"a": [1]}', '{"a": [1, 2]}', False),
        ('{"a": 1}', "{}", False),
        ('{"a": 1}', "curl: (7) no connection", False),
    ],
)
def test_json_is_compared_as_far_as_it_is_shown(wanted: str, printed: str, fits: bool) -> None:
    assert (markdown.difference(returns("json", wanted), printed) is None) is fits


@pytest.mark.parametrize(
    ("wanted", "printed", "fits"),
    [
        ("status  COMPLETED\n", "id      1\nstatus     COMPLETED\n", True),
        ("status ... of 4\n", "status  attempt 2 of 4\n", True),
        ("b\na\n", "a\nb\n", False),
        ("a\nb\n", "a\nx\nb\n", True),
        ("a.c\n", "abc\n", False),
    ],
)
def test_lines_are_compared_in_order(wanted: str, printed: str, fits: bool) -> None:
    assert (markdown.difference(returns("text", wanted), printed) is None) is fits
