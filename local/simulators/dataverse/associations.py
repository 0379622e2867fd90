"""Many-to-many relationships: which users and teams have which roles, who is in which team.

They are no part of transactions: a batch never rolls an association back here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

USER_ROLES = "systemuserroles_association"
TEAM_ROLES = "teamroles_association"
TEAM_MEMBERS = "teammembership_association"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """Two tables whose rows may be linked; both have a navigation property of its name."""

    left: str
    right: str


RELATIONSHIPS: Mapping[str, Relationship] = {
    USER_ROLES: Relationship(left="systemuser", right="role"),
    TEAM_ROLES: Relationship(left="team", right="role"),
    TEAM_MEMBERS: Relationship(left="team", right="systemuser"),
}

Links = dict[str, dict[str, list[str]]]


def other_table(name: str, table: str) -> str | None:
    """The table on the other side of a relationship; None where the table has no part in it."""
    relationship = RELATIONSHIPS.get(name)
    if relationship is None or table not in (relationship.left, relationship.right):
        return None
    return relationship.right if table == relationship.left else relationship.left


class Associations:
    """The links of an organization, by the name of their relationship."""

    def __init__(self) -> None:
        self._links: Links = {name: {} for name in RELATIONSHIPS}
        self.version = 0
        """Grows with every change."""

    def of(self, name: str, left_id: str) -> list[str]:
        """The ids linked to a row of the left table, in the order in which they came."""
        return self._links[name].get(left_id, [])

    def to(self, name: str, right_id: str) -> list[str]:
        """The ids linked to a row of the right table."""
        return [left_id for left_id, ids in self._links[name].items() if right_id in ids]

    def linked(self, name: str, table: str, row_id: str) -> list[str]:
        """The ids linked to a row, whichever side its table is on."""
        return (self.of if table == RELATIONSHIPS[name].left else self.to)(name, row_id)

    def put(self, name: str, left_id: str, right_ids: list[str]) -> None:
        """Replace what a row of the left table is linked to."""
        self._links[name][left_id] = list(dict.fromkeys(right_ids))
        self.version += 1

    def add(self, name: str, left_id: str, right_id: str) -> bool:
        """Link two rows; False where they were."""
        if right_id in self.of(name, left_id):
            return False
        self.put(name, left_id, [*self.of(name, left_id), right_id])
        return True

    def remove(self, name: str, left_id: str, right_id: str) -> bool:
        """Take a link away; False where there is none."""
        if right_id not in self.of(name, left_id):
            return False
        self.put(name, left_id, [each for each in self.of(name, left_id) if each != right_id])
        return True

    def knows(self, name: str, left_id: str) -> bool:
        """Whether anything was ever said of a row of the left table."""
        return left_id in self._links[name]

    def forget(self, right_id: str) -> None:
        """Take a row of a right table out of every link."""
        for name, links in self._links.items():
            for left_id in list(links):
                self.remove(name, left_id, right_id)

    def copied(self) -> Links:
        """The links as they are, for ``restore``."""
        return {
            name: {left: list(ids) for left, ids in links.items()}
            for name, links in self._links.items()
        }

    def restore(self, links: Links) -> None:
        """Put back what ``copied`` gave."""
        self._links = links
        self.version += 1
