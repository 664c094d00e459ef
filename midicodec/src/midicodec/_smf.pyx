# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True
"""The native core: the bytes of tracks ↔ a song's columns, each in one pass.

What is not plainly right is refused here (None), and left to :mod:`midicodec.smf_events` and
:mod:`midicodec.smf_write`, which do the same in Python and say what is wrong: an error has one
home. Every byte that is read is checked against its end first; the GIL is released meanwhile.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

import numpy as np

from midicodec import records as _records

cdef enum:
    SYSEX = 0xF0
    PACKET = 0xF7
    META = 0xFF
    END_OF_TRACK = 0x2F
    MAX_VALUE = 0x0FFFFFFF  # of a variable-length quantity
    ROW = 5
    PIECE = 3

    # What is noted of a message, in the byte that says that it starts; see midicodec.framing.
    START = 1
    SAME_EXPLICIT = 2
    SAME_RUNNING = 4
    ACROSS_EXPLICIT = 8
    ACROSS_RUNNING = 16
    DELTA_PADDED = 32
    LENGTH_PADDED = 64
    JOINED = 128

    # How codes call these.
    CODE_FLIP = 0
    CODE_DELTA = 1
    CODE_LENGTH = 2
    CODE_JOINED = 3
    MAX_GAP = 0x03FFFFFF
    POLICY_SAME_EXPLICIT = 1
    POLICY_ACROSS_RUNNING = 2

    OK = 0
    REFUSED = -1
    NO_MEMORY = -2

# How many bytes a message of each status has, 0 for what is long or not defined.
cdef uint8_t[256] LENGTHS
cdef int _status
for _status in range(256):
    LENGTHS[_status] = _records.KINDS[_status].length if _status in _records.KINDS else 0


# ── growing memory ────────────────────────────────────────────────────────────────────────────

cdef struct Bytes:
    uint8_t* at
    Py_ssize_t count
    Py_ssize_t capacity


cdef int reserve(Bytes* self, Py_ssize_t more) noexcept nogil:
    """Make room for ``more`` bytes behind the ``count`` there are."""
    cdef Py_ssize_t wanted = self.count + more
    cdef uint8_t* moved
    if wanted <= self.capacity:
        return OK
    wanted += wanted // 2 + 64
    moved = <uint8_t*> realloc(self.at, wanted)
    if moved == NULL:
        return NO_MEMORY
    self.at, self.capacity = moved, wanted
    return OK


cdef inline void put(Bytes* self, uint8_t byte) noexcept nogil:
    """Append a byte that there is room for."""
    self.at[self.count] = byte
    self.count += 1


cdef inline void put_vlq(Bytes* self, uint32_t value, Py_ssize_t padding) noexcept nogil:
    """Append a quantity, behind so many bytes that add nothing; there is room for both."""
    if padding:
        memset(self.at + self.count, 0x80, padding)
        self.count += padding
    if value >= 1 << 21:
        put(self, 0x80 | (value >> 21 & 0x7F))
    if value >= 1 << 14:
        put(self, 0x80 | (value >> 14 & 0x7F))
    if value >= 1 << 7:
        put(self, 0x80 | (value >> 7 & 0x7F))
    put(self, value & 0x7F)


cdef inline Py_ssize_t vlq_bytes(uint32_t value) noexcept nogil:
    return 1 + (value >= 1 << 7) + (value >= 1 << 14) + (value >= 1 << 21)


# ── reading ───────────────────────────────────────────────────────────────────────────────────

cdef struct Reader:
    # All tracks' records one after another, ROW bytes each, with their absolute ticks and marks.
    Py_ssize_t count
    Py_ssize_t capacity
    uint8_t* rows
    int64_t* ticks
    uint8_t* marks
    # The amounts of padding, in the order in which marks name them, and the codes made of both.
    Bytes amounts
    Bytes codes


cdef int reserve_records(Reader* self, Py_ssize_t more) noexcept nogil:
    cdef Py_ssize_t wanted = self.count + more
    cdef void* moved
    if wanted <= self.capacity:
        return OK
    wanted += wanted // 2 + 64
    moved = realloc(self.rows, ROW * wanted)
    if moved == NULL:
        return NO_MEMORY
    self.rows = <uint8_t*> moved
    moved = realloc(self.ticks, sizeof(int64_t) * wanted)
    if moved == NULL:
        return NO_MEMORY
    self.ticks = <int64_t*> moved
    moved = realloc(self.marks, wanted)
    if moved == NULL:
        return NO_MEMORY
    self.marks = <uint8_t*> moved
    self.capacity = wanted
    return OK


cdef inline int read_quantity(
    const uint8_t* data, Py_ssize_t* at, Py_ssize_t end, uint32_t* value, Py_ssize_t* padding
) noexcept nogil:
    """Read the quantity at ``at`` and go behind it; refuse one cut off or over MAX_VALUE."""
    cdef Py_ssize_t start = at[0], i = start
    cdef uint32_t found = 0
    cdef uint8_t byte
    while i < end:
        byte = data[i]
        i += 1
        found = found << 7 | (byte & 0x7F)
        if byte < 0x80:
            at[0], value[0] = i, found
            padding[0] = i - start - vlq_bytes(found)
            return OK
        if found > MAX_VALUE >> 7:
            return REFUSED
    return REFUSED


cdef inline int note_padding(Reader* self, Py_ssize_t amount) noexcept nogil:
    if amount > MAX_VALUE:
        return REFUSED
    if reserve(&self.amounts, 4) != OK:
        return NO_MEMORY
    put_vlq(&self.amounts, <uint32_t> amount, 0)
    return OK


cdef int put_message(
    Reader* self, int64_t tick, uint8_t mark,
    const uint8_t* head, Py_ssize_t head_count, const uint8_t* body, Py_ssize_t body_count,
) noexcept nogil:
    """Append the records of a message that ``head`` and ``body`` make together."""
    cdef Py_ssize_t length = head_count + body_count
    cdef Py_ssize_t pieces = (length + PIECE - 1) // PIECE
    cdef Py_ssize_t i = 0, piece, used
    cdef uint8_t* row
    if reserve_records(self, pieces) != OK:
        return NO_MEMORY
    for piece in range(pieces):
        row = self.rows + ROW * self.count
        memset(row, 0, ROW)
        row[0] = length > PIECE
        used = 0
        while used < PIECE and i < length:
            used += 1
            row[used] = head[i] if i < head_count else body[i - head_count]
            i += 1
        row[4] = <uint8_t> used
        self.ticks[self.count] = tick
        self.marks[self.count] = mark if piece == 0 else 0
        self.count += 1
    return OK


cdef inline bint all_data(const uint8_t* data, Py_ssize_t count) noexcept nogil:
    """Whether all bytes are below 80."""
    cdef Py_ssize_t i
    cdef uint8_t found = 0
    for i in range(count):
        found |= data[i]
    return found < 0x80


cdef inline bint printable(const uint8_t* data, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        if not 0x20 <= data[i] < 0x7F:
            return False
    return True


cdef int read_long(
    Reader* self, const uint8_t* data, Py_ssize_t* at, Py_ssize_t end, int64_t tick, uint8_t status,
    uint8_t mark,
) noexcept nogil:
    """Read a meta event, sysex or packet whose status is behind us."""
    cdef Py_ssize_t i = at[0], padding = 0, body
    cdef uint32_t length = 0
    cdef int done
    cdef uint8_t[8] head
    cdef Bytes text  # over `head`: it has room for a status, a type and a quantity
    head[0] = status
    text.at, text.count, text.capacity = head, 1, 8
    if status == META:
        if i >= end or data[i] >= 0x80:
            return REFUSED
        put(&text, data[i])
        i += 1
    if read_quantity(data, &i, end, &length, &padding) != OK or <Py_ssize_t> length > end - i:
        return REFUSED
    if padding:
        mark |= LENGTH_PADDED
        done = note_padding(self, padding)
        if done != OK:
            return done
    at[0] = i + length
    if status == SYSEX:
        body = length - 1 if length and data[i + length - 1] == PACKET else length
        if all_data(data + i, body):
            return put_message(self, tick, mark, head, 1, data + i, length)
        # No sysex may hold these bytes: an empty one, and a packet of them, mean the same.
        if put_message(self, tick, mark | JOINED, head, 1, NULL, 0) != OK:
            return NO_MEMORY
        head[0] = PACKET
        put_vlq(&text, length, 0)
        return put_message(self, tick, START, head, text.count, data + i, length)
    put_vlq(&text, length, 0)
    return put_message(self, tick, mark, head, text.count, data + i, length)


cdef int read_track(
    Reader* self, const uint8_t* data, Py_ssize_t at, Py_ssize_t end, bint* ended
) noexcept nogil:
    """Append the events between ``at`` and ``end``; ``ended``: whether the last ends the track."""
    cdef Py_ssize_t padding = 0
    cdef uint32_t delta = 0
    cdef int64_t tick = 0
    cdef uint8_t status, running = 0, mark, length, one, two
    cdef bint interrupted = False, explicit
    cdef uint8_t* row
    cdef int done
    ended[0] = False
    while at < end:
        mark = START
        ended[0] = False
        if data[at] < 0x80:
            delta = data[at]
            at += 1
        else:
            if read_quantity(data, &at, end, &delta, &padding) != OK:
                return REFUSED
            if padding:
                mark |= DELTA_PADDED
                done = note_padding(self, padding)
                if done != OK:
                    return done
        if at >= end:
            return REFUSED
        tick += delta
        status = data[at]
        explicit = status >= 0x80
        if explicit:
            at += 1
        elif running:
            status = running
        else:
            return REFUSED
        if status < SYSEX:
            if status == running:
                if interrupted:
                    mark |= ACROSS_EXPLICIT if explicit else ACROSS_RUNNING
                else:
                    mark |= SAME_EXPLICIT if explicit else SAME_RUNNING
            running = status
            interrupted = False
        elif status == SYSEX or status == PACKET or status == META:
            interrupted = True
            ended[0] = status == META and at < end and data[at] == END_OF_TRACK
            done = read_long(self, data, &at, end, tick, status, mark)
            if done != OK:
                return done
            if ended[0] and at + 8 <= end and printable(data + at, 4):
                return REFUSED  # perhaps another chunk: the length may be wrong
            continue
        elif status >= 0xF8:
            interrupted = True
        else:
            running = 0
        length = LENGTHS[status]
        if length == 0 or end - at < length - 1:
            return REFUSED
        one = data[at] if length > 1 else 0
        two = data[at + 1] if length > 2 else 0
        if (one | two) >= 0x80:
            return REFUSED
        at += length - 1
        if self.count == self.capacity and reserve_records(self, 1) != OK:
            return NO_MEMORY
        row = self.rows + ROW * self.count
        row[0] = 0
        row[1] = status
        row[2] = one
        row[3] = two
        row[4] = length
        self.ticks[self.count] = tick
        self.marks[self.count] = mark
        self.count += 1
    return OK


cdef int put_codes(Reader* self, Py_ssize_t begin) noexcept nogil:
    """Append the codes of the records from ``begin`` on: see midicodec.framing."""
    cdef Py_ssize_t i, index = -1, last = 0, amount_at = 0
    cdef uint8_t mark, flipped = 0, policy = 0
    cdef Py_ssize_t same_explicit = 0, same_running = 0, across_explicit = 0, across_running = 0
    cdef bint odd = False
    for i in range(begin, self.count):
        mark = self.marks[i]
        same_explicit += (mark & SAME_EXPLICIT) != 0
        same_running += (mark & SAME_RUNNING) != 0
        across_explicit += (mark & ACROSS_EXPLICIT) != 0
        across_running += (mark & ACROSS_RUNNING) != 0
        odd |= mark >= DELTA_PADDED
    if same_explicit > same_running:
        policy |= POLICY_SAME_EXPLICIT
        flipped |= SAME_RUNNING
        odd |= same_running > 0
    else:
        flipped |= SAME_EXPLICIT
        odd |= same_explicit > 0
    if across_running > across_explicit:
        policy |= POLICY_ACROSS_RUNNING
        flipped |= ACROSS_EXPLICIT
        odd |= across_explicit > 0
    else:
        flipped |= ACROSS_RUNNING
        odd |= across_running > 0
    if not odd and not policy:
        return OK
    if reserve(&self.codes, 1) != OK:
        return NO_MEMORY
    put(&self.codes, policy)
    if not odd:
        return OK
    flipped |= DELTA_PADDED | LENGTH_PADDED | JOINED
    for i in range(begin, self.count):
        mark = self.marks[i]
        index += mark & START
        if not mark & flipped:
            continue
        # Four codes at most, each a quantity with perhaps an amount behind it.
        if reserve(&self.codes, 4 * 9) != OK:
            return NO_MEMORY
        while index - last > MAX_GAP:  # a padding of nothing, to have a place to count from
            if reserve(&self.codes, 5 + 4 * 9) != OK:
                return NO_MEMORY
            put_vlq(&self.codes, MAX_GAP << 2 | CODE_DELTA, 0)
            put_vlq(&self.codes, 0, 0)
            last += MAX_GAP
        if mark & flipped & (SAME_EXPLICIT | SAME_RUNNING | ACROSS_EXPLICIT | ACROSS_RUNNING):
            put_vlq(&self.codes, <uint32_t> (index - last) << 2 | CODE_FLIP, 0)
            last = index
        if mark & DELTA_PADDED:
            put_vlq(&self.codes, <uint32_t> (index - last) << 2 | CODE_DELTA, 0)
            last = index
            amount_at = copy_amount(self, amount_at)
        if mark & LENGTH_PADDED:
            put_vlq(&self.codes, <uint32_t> (index - last) << 2 | CODE_LENGTH, 0)
            last = index
            amount_at = copy_amount(self, amount_at)
        if mark & JOINED:
            put_vlq(&self.codes, <uint32_t> (index - last) << 2 | CODE_JOINED, 0)
            last = index
    return OK


cdef inline Py_ssize_t copy_amount(Reader* self, Py_ssize_t at) noexcept nogil:
    """Append the amount at ``at`` to the codes; return where the next one is."""
    while self.amounts.at[at] >= 0x80:
        put(&self.codes, self.amounts.at[at])
        at += 1
    put(&self.codes, self.amounts.at[at])
    return at + 1


cdef void merge(
    const Reader* self, const Py_ssize_t* ends, Py_ssize_t tracks,
    Py_ssize_t* heads, int32_t* heap,
    uint8_t* rows, int64_t* deltas, int32_t* numbers, uint8_t* starts,
) noexcept nogil:
    """Write all records in the order of their ticks, then tracks; ``heads`` is where each is."""
    cdef Py_ssize_t size = 0, k, i, j, out = 0, child
    cdef int64_t now = 0, delta = 0, tick, limit
    cdef int32_t track, rival
    for k in range(tracks):
        if heads[k] < ends[k]:
            # All first ticks, in a heap ordered by (tick, track).
            i = size
            size += 1
            while i and earlier(self, heads, <int32_t> k, heap[(i - 1) // 2]):
                heap[i] = heap[(i - 1) // 2]
                i = (i - 1) // 2
            heap[i] = <int32_t> k
    while size:
        track = heap[0]
        rival = -1
        if size > 1:
            rival = heap[1]
            if size > 2 and earlier(self, heads, heap[2], rival):
                rival = heap[2]
        i = heads[track]
        limit = 0
        if rival >= 0:
            # As long as it is before its rival's next: at the rival's tick only if its track is.
            limit = self.ticks[heads[rival]] + (track < rival)
        while i < ends[track]:
            tick = self.ticks[i]
            if rival >= 0 and tick >= limit:
                break
            memcpy(rows + ROW * out, self.rows + ROW * i, ROW)
            if self.marks[i]:
                delta = tick - now
                now = tick
            starts[out] = self.marks[i] & START
            deltas[out] = delta
            numbers[out] = track
            out += 1
            i += 1
        heads[track] = i
        if i == ends[track]:
            size -= 1
            track = heap[size]
        i = 0
        while True:
            child = 2 * i + 1
            if child >= size:
                break
            if child + 1 < size and earlier(self, heads, heap[child + 1], heap[child]):
                child += 1
            if not earlier(self, heads, heap[child], track):
                break
            heap[i] = heap[child]
            i = child
        if size:
            heap[i] = track


cdef inline bint earlier(
    const Reader* self, const Py_ssize_t* heads, int32_t one, int32_t other
) noexcept nogil:
    cdef int64_t a = self.ticks[heads[one]], b = self.ticks[heads[other]]
    return a < b or (a == b and one < other)


cdef void line_up(
    const Reader* self, const Py_ssize_t* ends, Py_ssize_t tracks,
    uint8_t* rows, int64_t* deltas, int32_t* numbers, uint8_t* starts,
) noexcept nogil:
    """Write the tracks one after another, each with its own beginning."""
    cdef Py_ssize_t i = 0, k
    cdef int64_t now, delta = 0
    memcpy(rows, self.rows, ROW * self.count)
    for k in range(tracks):
        now = 0
        while i < ends[k]:
            if self.marks[i]:
                delta = self.ticks[i] - now
                now = self.ticks[i]
            starts[i] = self.marks[i] & START
            deltas[i] = delta
            numbers[i] = <int32_t> k
            i += 1


def read_tracks(const uint8_t[::1] data, list bounds, bint merged):
    """Return the tracks at ``bounds``, (start, end) each; None: refused.

    First the columns of :class:`midicodec.tracks.Columns`, then lists of one value a track: its
    codes, and whether its last event is an end of track.
    """
    cdef Py_ssize_t tracks = len(bounds), k, total = 0
    cdef Py_ssize_t* begins = NULL  # where each track's events begin, and below, where they end
    cdef Py_ssize_t* stops
    cdef Py_ssize_t* heads  # where each track's records begin, and below, where they end
    cdef Py_ssize_t* ends
    cdef Py_ssize_t* code_ends
    cdef bint* ended = NULL
    cdef int32_t* heap = NULL
    cdef Reader reader
    cdef const uint8_t* first = NULL
    cdef int done = OK
    cdef uint8_t[:, ::1] rows
    cdef int64_t[::1] deltas
    cdef int32_t[::1] numbers
    cdef uint8_t[::1] starts
    memset(&reader, 0, sizeof(Reader))
    if data.shape[0]:
        first = &data[0]
    try:
        begins = <Py_ssize_t*> malloc(5 * (tracks + 1) * sizeof(Py_ssize_t))
        ended = <bint*> malloc((tracks + 1) * sizeof(bint))
        heap = <int32_t*> malloc((tracks + 1) * sizeof(int32_t))
        if begins == NULL or ended == NULL or heap == NULL:
            raise MemoryError
        stops, heads = begins + tracks, begins + 2 * tracks
        ends, code_ends = begins + 3 * tracks, begins + 4 * tracks
        for k, (begin, stop) in enumerate(bounds):
            if not 0 <= begin <= stop <= data.shape[0]:
                raise ValueError(f"bounds outside the data: {begin} to {stop} of {data.shape[0]}")
            begins[k], stops[k] = begin, stop
            total += stop - begin
        with nogil:
            # Most events take three bytes or more, so this is mostly enough.
            done = reserve_records(&reader, total // 3)
            for k in range(tracks):
                if done != OK:
                    break
                reader.amounts.count = 0
                heads[k] = reader.count
                done = read_track(&reader, first, begins[k], stops[k], &ended[k])
                if done == OK:
                    done = put_codes(&reader, heads[k])
                ends[k], code_ends[k] = reader.count, reader.codes.count
        if done == NO_MEMORY:
            raise MemoryError
        if done != OK:
            return None
        n = reader.count
        records = np.empty((n, ROW), np.uint8)
        delta_ticks = np.empty(n, np.int64)
        track = np.empty(n, np.int32)
        is_start = np.empty(n, np.bool_)
        if n:
            rows, deltas, numbers, starts = records, delta_ticks, track, is_start.view(np.uint8)
            with nogil:
                if merged and tracks > 1:
                    merge(&reader, ends, tracks, heads, heap,
                          &rows[0, 0], &deltas[0], &numbers[0], &starts[0])
                else:
                    line_up(&reader, ends, tracks,
                            &rows[0, 0], &deltas[0], &numbers[0], &starts[0])
        codes = []
        total = 0
        for k in range(tracks):
            codes.append(PyBytes_FromStringAndSize(
                <char*> reader.codes.at + total, code_ends[k] - total
            ) if code_ends[k] > total else b"")
            total = code_ends[k]
        return records, delta_ticks, track, is_start, codes, [bool(ended[k]) for k in range(tracks)]
    finally:
        free(reader.rows)
        free(reader.ticks)
        free(reader.marks)
        free(reader.amounts.at)
        free(reader.codes.at)
        free(begins)
        free(ended)
        free(heap)


# ── writing ───────────────────────────────────────────────────────────────────────────────────

cdef struct Writer:
    Bytes body
    int64_t tick
    uint8_t running
    bint interrupted
    bint ended  # whether the last message is an end of track
    bint joining  # whether a packet follows that belongs into the sysex just begun
    Py_ssize_t joined_padding
    Py_ssize_t index  # of the next message
    # Codes not yet read, and the next exception: at which message, of which kind, how much.
    const uint8_t* code
    Py_ssize_t code_at
    Py_ssize_t code_end
    uint8_t policy
    Py_ssize_t next_index
    uint8_t next_kind
    Py_ssize_t next_amount


cdef int next_code(Writer* self) noexcept nogil:
    """Read the next exception; ``next_index`` is -1 when there is none."""
    cdef uint32_t found = 0
    cdef Py_ssize_t padding = 0
    if self.code_at == self.code_end:
        self.next_index = -1
        return OK
    if read_quantity(self.code, &self.code_at, self.code_end, &found, &padding) != OK:
        return REFUSED
    self.next_index += found >> 2
    self.next_kind = found & 3
    self.next_amount = 0
    if self.next_kind == CODE_DELTA or self.next_kind == CODE_LENGTH:
        if read_quantity(self.code, &self.code_at, self.code_end, &found, &padding) != OK:
            return REFUSED
        self.next_amount = found
    return OK


cdef int write_message(
    Writer* self, const uint8_t* rows, Py_ssize_t count, int64_t tick
) noexcept nogil:
    """Append the message that ``count`` records make."""
    cdef Py_ssize_t delta_padding = 0, length_padding = 0, length = 0, i, at
    cdef int64_t delta = tick - self.tick
    cdef uint8_t status = rows[1]
    cdef bint flip = False, joined = False, explicit
    cdef Bytes* body = &self.body
    cdef uint8_t n
    if delta < 0 or delta > MAX_VALUE:
        return REFUSED
    while self.next_index == self.index:
        if self.next_kind == CODE_FLIP:
            flip = True
        elif self.next_kind == CODE_DELTA:
            delta_padding = self.next_amount
        elif self.next_kind == CODE_LENGTH:
            length_padding = self.next_amount
        else:
            joined = True
        if next_code(self) != OK:
            return REFUSED
    self.index += 1
    for i in range(count):
        n = rows[ROW * i + 4]
        if n < 1 or n > PIECE:
            return REFUSED
        length += n
    if reserve(body, delta_padding + length_padding + self.joined_padding + length + 16) != OK:
        return NO_MEMORY
    self.ended = False
    if self.joining:  # the packet's length and bytes go where the sysex has its own
        if status != PACKET or delta:
            return REFUSED
        self.joining = False
        at = body.count
        put_rows(body, rows, count, 1)
        if self.joined_padding:
            # Behind the status there is the length: what pads it comes first.
            for i in range(body.count - 1, at - 1, -1):
                body.at[i + self.joined_padding] = body.at[i]
            memset(body.at + at, 0x80, self.joined_padding)
            body.count += self.joined_padding
            self.joined_padding = 0
        return OK
    put_vlq(body, <uint32_t> delta, delta_padding)
    self.tick = tick
    if status < SYSEX:
        explicit = True
        if status == self.running:
            if self.interrupted:
                explicit = (not self.policy & POLICY_ACROSS_RUNNING) ^ flip
            else:
                explicit = ((self.policy & POLICY_SAME_EXPLICIT) != 0) ^ flip
        put_rows(body, rows, count, 0 if explicit else 1)
        self.running = status
        self.interrupted = False
        return OK
    if SYSEX < status < PACKET:
        self.running = 0
    else:
        self.interrupted = True
    if status == SYSEX:
        put(body, SYSEX)
        if joined:
            self.joining = True
            self.joined_padding = length_padding
            return OK
        put_vlq(body, <uint32_t> (length - 1), length_padding)
        put_rows(body, rows, count, 1)
    elif status == META and length == 1:  # FF is a meta event's beginning in a file
        put(body, PACKET)
        put(body, 1)
        put(body, META)
    elif status == META or status == PACKET:
        put(body, status)
        if status == META:
            put(body, rows[2])
            self.ended = rows[2] == END_OF_TRACK
        if length_padding:
            memset(body.at + body.count, 0x80, length_padding)
            body.count += length_padding
        put_rows(body, rows, count, 2 if status == META else 1)
    else:
        put_rows(body, rows, count, 0)
    return OK


cdef inline void put_rows(
    Bytes* body, const uint8_t* rows, Py_ssize_t count, Py_ssize_t skipped
) noexcept nogil:
    """Append the bytes that records use, but the first ``skipped``; there is room for them."""
    cdef Py_ssize_t i, j
    for i in range(count):
        for j in range(skipped if i == 0 else 0, rows[ROW * i + 4]):
            put(body, rows[ROW * i + 1 + j])


def write_tracks(
    const uint8_t[:, ::1] records, const int64_t[::1] delta_ticks, const int32_t[::1] track,
    const uint8_t[::1] starts, bint merged, Py_ssize_t tracks, codes,
):
    """Return each track's bytes, and whether its last message ends it; None: refused.

    ``codes`` are those of a framing, one for each track, or None.
    """
    cdef Py_ssize_t n = records.shape[0], i = 0, first, k
    cdef int64_t now = 0
    cdef int32_t before = 0
    cdef Writer* writers
    cdef const uint8_t[::1] code
    cdef int done = OK
    if not n == delta_ticks.shape[0] == track.shape[0] == starts.shape[0]:
        raise ValueError("columns of different lengths")
    if n and records.shape[1] != ROW:
        raise ValueError(f"expected {ROW} columns")
    writers = <Writer*> calloc(tracks + 1, sizeof(Writer))
    if writers == NULL:
        raise MemoryError
    try:
        for k in range(tracks):
            writers[k].next_index = -1
            if codes is not None and codes[k]:
                code = codes[k]
                writers[k].code = &code[0]  # alive as long as `codes`
                writers[k].code_at, writers[k].code_end = 1, code.shape[0]
                writers[k].policy = code[0]
                writers[k].next_index = 0
                if next_code(&writers[k]) != OK:
                    return None
        with nogil:
            while i < n and done == OK:
                first = i
                i += 1
                while i < n and not starts[i]:
                    i += 1
                if not 0 <= track[first] < tracks:
                    done = REFUSED
                    break
                if not merged and track[first] != before:
                    before = track[first]
                    now = 0
                now += delta_ticks[first]
                done = write_message(&writers[track[first]], &records[first, 0], i - first, now)
        if done == NO_MEMORY:
            raise MemoryError
        if done != OK:
            return None
        bodies = []
        for k in range(tracks):
            if writers[k].joining or writers[k].next_index >= 0:
                return None
            bodies.append((
                PyBytes_FromStringAndSize(<char*> writers[k].body.at, writers[k].body.count)
                if writers[k].body.count else b"",
                bool(writers[k].ended),
            ))
        return bodies
    finally:
        for k in range(tracks):
            free(writers[k].body.at)
        free(writers)
