"""YAML as text: every scalar stays the characters that were written, and nodes know their lines.

Belongs here: reading YAML for mapping files, in which `no` is a word, `1` may be a category and `2025-04-01`
goes through the same typing as a cell. Does not belong here: what the words mean (`vocabulary`).
"""

from typing import Any

import yaml

_NULL = "tag:yaml.org,2002:null"


class YamlFault(ValueError):
    """Text that is no YAML, or has a key twice; the message names the line."""


def compose(text: str) -> yaml.Node | None:
    """The tree of nodes of a YAML document, None for an empty one.

    Raises:
        YamlFault: the text is not one YAML document.
    """
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as fault:
        raise YamlFault(str(fault)) from fault


def plain(node: yaml.Node | None) -> Any:
    """A node as dictionaries, lists, text and None.

    Raises:
        YamlFault: a key stands twice, or is no word.
    """
    if isinstance(node, yaml.MappingNode):
        entries: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise YamlFault(f"line {line_of(key)}: a key must be a word")
            if key.value in entries:
                raise YamlFault(f"line {line_of(key)}: {key.value} stands twice")
            entries[key.value] = plain(value)
        return entries
    if isinstance(node, yaml.SequenceNode):
        return [plain(each) for each in node.value]
    if isinstance(node, yaml.ScalarNode) and node.tag != _NULL:
        return node.value
    return None


def child(node: yaml.Node | None, *path: str) -> yaml.Node | None:
    """The node under nested keys, None where there is none."""
    for step in path:
        if not isinstance(node, yaml.MappingNode):
            return None
        node = next((value for key, value in node.value if key.value == step), None)
    return node


def line_of(node: yaml.Node) -> int:
    """The line of the text on which a node starts, from 1."""
    return node.start_mark.line + 1
