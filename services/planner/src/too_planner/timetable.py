"""Which visits get which slots when a field needs several, with a gap between them.

A night is a row of slots, each with its filter. A field of K visits needs K slots, rising, each at
least the gap after the one before, at which it is visible. A field that finds no free slots may
push visits of others to slots that suit those as well (along an augmenting path), so that little
is lost by the order in which fields come. All sets of slots are integers used as bit sets.
"""

from dataclasses import dataclass, field

_SEARCHED = 60
"""Visits that are asked to move before a field is given up."""


@dataclass
class Timetable:
    """Slots and who has them.

    Attributes
    ----------
    masks
        For each field and visit the slots where it may be (the filter is right, the field is up).
    after, before
        For each slot the first one that is a gap later, the last one that is a gap earlier.
    free
        Slots without a visit.
    owner
        Field and visit in each slot.
    place
        Slots of each field.
    """

    masks: list[tuple[int, ...]]
    after: list[int]
    before: list[int]
    free: int
    levels: tuple[int, ...] = ()
    owner: dict[int, tuple[int, int]] = field(default_factory=dict)
    place: dict[int, list[int]] = field(default_factory=dict)

    def remove(self, index: int) -> None:
        """Take a field out."""
        for slot in self.place.pop(index):
            del self.owner[slot]
            self.free |= 1 << slot

    def insert(self, index: int, *, push: bool = True) -> bool:
        """Give a field its slots, moving other visits if need be and if that is allowed."""
        masks = self.masks[index]
        chain = self._free_chain(masks)
        if chain is None:
            latest = self._latest(masks) if push else None
            return latest is not None and self._push_in(index, masks, latest)
        self.place[index] = chain
        for visit, slot in enumerate(chain):
            self.owner[slot] = (index, visit)
            self.free ^= 1 << slot
        return True

    def _free_chain(self, masks: tuple[int, ...]) -> list[int] | None:
        """Free slots for all visits, those that others want least; None if there are none."""
        latest: list[int] = []
        limit = len(self.after) - 1
        for mask in reversed(masks):
            left = mask & self.free & ((2 << limit) - 1) if limit >= 0 else 0
            if not left:
                return None
            limit = left.bit_length() - 1
            latest.append(limit)
            limit = self.before[limit]
        chain: list[int] = []
        least = 0
        for mask, last in zip(masks, reversed(latest), strict=True):
            left = (mask & self.free & ((2 << last) - 1)) >> least << least
            slot = self._pick(left)
            chain.append(slot)
            least = self.after[slot]
        return chain

    def _pick(self, slots: int) -> int:
        for level in self.levels:
            now = slots & level
            if now:
                return (now & -now).bit_length() - 1
        return (slots & -slots).bit_length() - 1

    def _latest(self, masks: tuple[int, ...]) -> list[int] | None:
        """Latest slot of each visit if all slots were free."""
        latest: list[int] = []
        limit = len(self.after) - 1
        for mask in reversed(masks):
            left = mask & ((2 << limit) - 1) if limit >= 0 else 0
            if not left:
                return None
            slot = left.bit_length() - 1
            latest.append(slot)
            limit = self.before[slot]
        return latest[::-1]

    def _push_in(self, index: int, masks: tuple[int, ...], latest: list[int]) -> bool:
        log: list[tuple[int, int, int, int | None]] = []
        least = 0
        chosen: list[int] = []
        self.place[index] = chosen
        for visit, mask in enumerate(masks):
            allowed = (mask & ((2 << latest[visit]) - 1)) >> least << least
            slot = self._make_room(index, visit, allowed, log) if allowed else None
            if slot is None:
                self._undo(log)
                del self.place[index]
                return False
            chosen.append(slot)
            least = self.after[slot]
        return True

    def _make_room(
        self, index: int, visit: int, allowed: int, log: list[tuple[int, int, int, int | None]]
    ) -> int | None:
        """Put a visit into one of some slots; others may move. Its slot, or None."""
        now = allowed & self.free
        if now:
            slot = self._pick(now)
            self._put(index, visit, slot, None, log)
            return slot
        # breadth first over visits that would have to move; each remembers who wants its slot
        seen = allowed
        queue: list[tuple[int, int, int, int]] = []
        for slot in _bits(allowed):
            owner = self.owner[slot]
            if owner[0] != index:
                queue.append((*owner, slot, -1))
        for number, (other, its_visit, _, _) in enumerate(queue):
            if number >= _SEARCHED:
                return None
            moves = self._moves(other, its_visit) & ~seen
            open_ = moves & self.free
            if open_:
                target = self._pick(open_)
                return self._shift(index, visit, queue, number, target, log)
            seen |= moves
            for wanted in _bits(moves):
                owner = self.owner[wanted]
                if owner[0] != index and not self._on_path(queue, number, owner[0]):
                    queue.append((*owner, wanted, number))
        return None

    def _moves(self, index: int, visit: int) -> int:
        """Slots to which a visit may go while its field's other visits stay."""
        place = self.place[index]
        mask = self.masks[index][visit]
        if visit > 0:
            least = self.after[place[visit - 1]]
            mask = mask >> least << least
        if visit + 1 < len(place):
            mask &= (2 << self.before[place[visit + 1]]) - 1
        return mask

    @staticmethod
    def _on_path(queue: list[tuple[int, int, int, int]], number: int, index: int) -> bool:
        while number >= 0:
            if queue[number][0] == index:
                return True
            number = queue[number][3]
        return False

    def _shift(
        self,
        index: int,
        visit: int,
        queue: list[tuple[int, int, int, int]],
        number: int,
        target: int,
        log: list[tuple[int, int, int, int | None]],
    ) -> int:
        slot = target
        while number >= 0:
            other, its_visit, held, parent = queue[number]
            self._put(other, its_visit, slot, held, log)
            slot, number = held, parent
        self._put(index, visit, slot, None, log)
        return slot

    def _put(
        self,
        index: int,
        visit: int,
        slot: int,
        held: int | None,
        log: list[tuple[int, int, int, int | None]],
    ) -> None:
        log.append((index, visit, slot, held))
        self.owner[slot] = (index, visit)
        self.free &= ~(1 << slot)
        if held is not None:
            self.place[index][visit] = slot
            if self.owner.get(held) == (index, visit):
                del self.owner[held]
                self.free |= 1 << held

    def _undo(self, log: list[tuple[int, int, int, int | None]]) -> None:
        for index, visit, slot, held in reversed(log):
            if self.owner.get(slot) == (index, visit):
                del self.owner[slot]
                self.free |= 1 << slot
            if held is not None:
                self.owner[held] = (index, visit)
                self.free &= ~(1 << held)
                self.place[index][visit] = held


def _bits(mask: int) -> list[int]:
    """Places of the ones of a number."""
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found
