"""Who works with whom: how dense and how mutual the ties between units are."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """`possible`, `present`: directed ties between different units. `mutual_ties`: ties that are returned
    (each mutual pair counts twice). `reciprocity` is 2M / (2M + A) of M mutual and A one-way pairs; None
    without ties."""

    units: int
    possible: int
    present: int
    mutual_ties: int
    density: float | None
    reciprocity: float | None


def network(units: Iterable[str], ties: Iterable[tuple[str, str]]) -> Network:
    """Density and reciprocity of directed ties among `units`, by networkx. Ties to oneself do not count."""
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(units)
    graph.add_edges_from((a, b) for a, b in ties if a != b)
    n, present = graph.number_of_nodes(), graph.number_of_edges()
    reciprocity = float(nx.overall_reciprocity(graph)) if present else None
    return Network(
        units=n,
        possible=n * (n - 1),
        present=present,
        mutual_ties=round(reciprocity * present) if reciprocity is not None else 0,
        density=float(nx.density(graph)) if n > 1 else None,
        reciprocity=reciprocity,
    )
