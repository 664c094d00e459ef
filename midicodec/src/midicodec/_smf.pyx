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


cdef inline void put_padding(Bytes* self, Py_ssize_t count) noexcept nogil:
    """Append bytes that add nothing to the quantity behind them; there is room for them."""
    if count:
        memset(self.at + self.count, 0x80, count)
        self.count += count


cdef inline void put_vlq(Bytes* self, uint32_t value) noexcept nogil:
    """Append a quantity that there is room for."""
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
    put_vlq(&self.amounts, <uint32_t> amount)
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
        put_vlq(&text, length)
        return put_message(self, tick, START, head, text.count, data + i, length)
    put_vlq(&text, length)
    return put_message(self, tick, mark, head, text.count, data + i, length)


cdef int read_track(
    Reader* self, const uint8_t* data, Py_ssize_t at, Py_ssize_t end, bint* ended
) noexcept nogil:
    """Append the events between ``at`` and ``end``; ``ended``: whether the last ends the track."""
    # What changes with every event is kept in variables of its own: writing bytes through a
    # pointer could change anything else, as far as the compiler knows.
    cdef Py_ssize_t count = self.count, capacity = self.capacity, cursor, padding = 0
    cdef uint8_t* rows = self.rows
    cdef int64_t* ticks = self.ticks
    cdef uint8_t* marks = self.marks
    cdef uint32_t delta = 0
    cdef int64_t tick = 0
    cdef uint8_t status, running = 0, mark, length, one, two
    cdef bint interrupted = False, explicit, over = False
    cdef uint8_t* row
    cdef int done
    while at < end:
        mark = START
        over = False
        if data[at] < 0x80:
            tick += data[at]
            at += 1
        else:
            cursor = at
            if read_quantity(data, &cursor, end, &delta, &padding) != OK:
                return REFUSED
            at = cursor
            tick += delta
            if padding:
                mark |= DELTA_PADDED
                done = note_padding(self, padding)
                if done != OK:
                    return done
        if at >= end:
            return REFUSED
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
            over = status == META and at < end and data[at] == END_OF_TRACK
            cursor, self.count = at, count
            done = read_long(self, data, &cursor, end, tick, status, mark)
            if done != OK:
                return done
            at, count, capacity = cursor, self.count, self.capacity
            rows, ticks, marks = self.rows, self.ticks, self.marks
            if over and at + 8 <= end and printable(data + at, 4):
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
        if count == capacity:
            self.count = count
            if reserve_records(self, 1) != OK:
                return NO_MEMORY
            capacity, rows, ticks, marks = self.capacity, self.rows, self.ticks, self.marks
        row = rows + ROW * count
        row[0] = 0
        row[1] = status
        row[2] = one
        row[3] = two
        row[4] = length
        ticks[count] = tick
        marks[count] = mark
        count += 1
    self.count = count
    ended[0] = over
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
            put_vlq(&self.codes, MAX_GAP << 2 | CODE_DELTA)
            put_vlq(&self.codes, 0)
            last += MAX_GAP
        if mark & flipped & (SAME_EXPLICIT | SAME_RUNNING | ACROSS_EXPLICIT | ACROSS_RUNNING):
            put_vlq(&self.codes, <uint32_t> (index - last) << 2 | CODE_FLIP)
            last = index
        if mark & DELTA_PADDED:
            put_vlq(&self.codes, <uint32_t> (index - last) << 2 | CODE_DELTA)
            last = index
            amount_at = copy_amount(self, amount_at)
        if mark & LENGTH_PADDED:
            put_vlq(&self.codes, <uint32_t> (index - last) << 2 | CODE_LENGTH)
            last = index
            amount_at = copy_amount(self, amount_at)
        if mark & JOINED:
            put_vlq(&self.codes, <uint32_t> (index - last) << 2 | CODE_JOINED)
            last = index
    return OK


cdef inline Py_ssize_t copy_amount(Reader* self, Py_ssize_t at) noexcept nogil:
    """Append the amount at ``at`` to the codes; return where the next one is."""
    while self.amounts.at[at] >= 0x80:
        put(&self.codes, self.amounts.at[at])
        at += 1
    put(&self.codes, self.amounts.at[at])
    return at + 1


cdef struct Head:
    # A track's next record: its tick, and where it and the track's end are.
    int64_t tick
    int32_t track
    Py_ssize_t at
    Py_ssize_t end


cdef inline bint earlier(const Head* one, const Head* other) noexcept nogil:
    return one.tick < other.tick or (one.tick == other.tick and one.track < other.track)


cdef void sift_down(Head* heap, Py_ssize_t size, Py_ssize_t i) noexcept nogil:
    """Let ``heap[i]``, perhaps too late for its place, sink to where it belongs."""
    cdef Head sinking = heap[i]
    cdef Py_ssize_t child = 2 * i + 1
    while child < size:
        if child + 1 < size and earlier(&heap[child + 1], &heap[child]):
            child += 1
        if not earlier(&heap[child], &sinking):
            break
        heap[i] = heap[child]
        i = child
        child = 2 * i + 1
    heap[i] = sinking


cdef void merge(
    const Reader* self, Head* heap, Py_ssize_t size,
    uint8_t* rows, int64_t* deltas, int32_t* numbers, uint8_t* starts,
) noexcept nogil:
    """Write all records in the order of their ticks, then tracks; ``heap`` has the first ones."""
    cdef Py_ssize_t i, out = 0
    cdef int64_t now = 0, delta = 0, limit = 0
    cdef int32_t track
    cdef Head* rival
    cdef const uint8_t* own_rows = self.rows
    cdef const int64_t* ticks = self.ticks
    cdef const uint8_t* marks = self.marks
    cdef Py_ssize_t end
    cdef bint alone
    for i in range(size // 2 - 1, -1, -1):
        sift_down(heap, size, i)
    while size:
        i, track = heap[0].at, heap[0].track
        if size > 1:
            rival = &heap[1]
            if size > 2 and earlier(&heap[2], rival):
                rival = &heap[2]
            # As long as it is before its rival's next: at the rival's tick only if its track is.
            limit = rival.tick + (track < rival.track)
        alone, end = size == 1, heap[0].end
        while i < end and (alone or ticks[i] < limit):
            memcpy(rows + ROW * out, own_rows + ROW * i, ROW)
            if marks[i]:
                delta = ticks[i] - now
                now = ticks[i]
            starts[out] = marks[i] & START
            deltas[out] = delta
            numbers[out] = track
            out += 1
            i += 1
        if i < end:
            heap[0].at, heap[0].tick = i, ticks[i]
        else:
            size -= 1
            heap[0] = heap[size]
        sift_down(heap, size, 0)


cdef void line_up(
    const Reader* self, const Py_ssize_t* ends, Py_ssize_t tracks,
    uint8_t* rows, int64_t* deltas, int32_t* numbers, uint8_t* starts,
) noexcept nogil:
    """Write the tracks one after another, each with its own beginning."""
    cdef Py_ssize_t i = 0, k
    cdef int64_t now, delta = 0
    cdef const int64_t* ticks = self.ticks
    cdef const uint8_t* marks = self.marks
    memcpy(rows, self.rows, ROW * self.count)
    for k in range(tracks):
        now = 0
        while i < ends[k]:
            if marks[i]:
                delta = ticks[i] - now
                now = ticks[i]
            starts[i] = marks[i] & START
            deltas[i] = delta
            numbers[i] = <int32_t> k
            i += 1


cdef struct Track:
    Py_ssize_t begin
    Py_ssize_t end
    Py_ssize_t records_end
    Py_ssize_t codes_end
    bint ended


cdef struct File:
    const uint8_t* data
    Py_ssize_t size
    bint merged
    Py_ssize_t count
    Track* tracks
    Py_ssize_t* ends
    Head* heap
    Reader reader
    int done
    # Where the columns go.
    uint8_t* rows
    int64_t* deltas
    int32_t* numbers
    uint8_t* starts


cdef int read_events(File* self) noexcept nogil:
    """Read the events of all tracks, one after another."""
    cdef Py_ssize_t k, begin, total = 0
    cdef int done
    cdef Track* track
    for k in range(self.count):
        total += self.tracks[k].end - self.tracks[k].begin
    # Most events take three bytes or more, so this is mostly enough.
    done = reserve_records(&self.reader, total // 3)
    for k in range(self.count):
        if done != OK:
            break
        track = &self.tracks[k]
        begin = self.reader.count
        self.reader.amounts.count = 0
        done = read_track(&self.reader, self.data, track.begin, track.end, &track.ended)
        if done == OK:
            done = put_codes(&self.reader, begin)
        track.records_end, track.codes_end = self.reader.count, self.reader.codes.count
    return done


cdef void write_columns(File* self) noexcept nogil:
    cdef Py_ssize_t k, begin = 0, size = 0
    for k in range(self.count):
        self.ends[k] = self.tracks[k].records_end
        if begin < self.ends[k]:
            self.heap[size].tick = self.reader.ticks[begin]
            self.heap[size].track = <int32_t> k
            self.heap[size].at, self.heap[size].end = begin, self.ends[k]
            size += 1
        begin = self.ends[k]
    if self.merged and size > 1:
        merge(&self.reader, self.heap, size, self.rows, self.deltas, self.numbers, self.starts)
    else:
        line_up(&self.reader, self.ends, self.count,
                self.rows, self.deltas, self.numbers, self.starts)


cdef int prepare(File* self, bytes data, list bounds, bint merged) except -1:
    cdef Py_ssize_t k, begin, end
    self.data, self.size = data, len(data)
    self.merged, self.count = merged, len(bounds)
    self.tracks = <Track*> calloc(self.count + 1, sizeof(Track))
    self.ends = <Py_ssize_t*> calloc(self.count + 1, sizeof(Py_ssize_t))
    self.heap = <Head*> calloc(self.count + 1, sizeof(Head))
    if self.tracks == NULL or self.ends == NULL or self.heap == NULL:
        raise MemoryError
    for k, (begin, end) in enumerate(bounds):
        if not 0 <= begin <= end <= self.size:
            raise ValueError(f"bounds outside the data: {begin} to {end} of {self.size}")
        self.tracks[k].begin, self.tracks[k].end = begin, end
    return 0


cdef tuple allocate(File* self):
    """Return the columns, and note where they are."""
    cdef Py_ssize_t n = self.reader.count
    cdef uint8_t[:, ::1] rows
    cdef int64_t[::1] deltas
    cdef int32_t[::1] numbers
    cdef uint8_t[::1] starts
    columns = (np.empty((n, ROW), np.uint8), np.empty(n, np.int64), np.empty(n, np.int32),
               np.empty(n, np.bool_))
    if n:
        rows, deltas, numbers = columns[0], columns[1], columns[2]
        starts = columns[3].view(np.uint8)
        self.rows, self.deltas = &rows[0, 0], &deltas[0]
        self.numbers, self.starts = &numbers[0], &starts[0]
    return columns


cdef tuple codes_and_ends(File* self):
    cdef Py_ssize_t k, begin = 0
    cdef list codes = [], ended = []
    for k in range(self.count):
        codes.append(self.reader.codes.at[begin:self.tracks[k].codes_end]
                     if begin < self.tracks[k].codes_end else b"")
        begin = self.tracks[k].codes_end
        ended.append(bool(self.tracks[k].ended))
    return codes, ended


def read_many(list files):
    """Read the tracks of files, each a tuple (data, bounds, merged); a list of the same length.

    ``bounds`` are where each track's events begin and end in ``data``. What is read is a tuple:
    the columns of :class:`midicodec.tracks.Columns`, then lists of one value a track, its codes
    and whether its last event is an end of track. What is not plainly right is None.

    The GIL is let go twice for all files together: each time costs as much as reading a small one.
    """
    cdef Py_ssize_t n = len(files), i
    cdef File* jobs = <File*> calloc(n + 1, sizeof(File))
    if jobs == NULL:
        raise MemoryError
    try:
        for i, (data, bounds, merged) in enumerate(files):
            prepare(&jobs[i], data, bounds, merged)
        with nogil:
            for i in range(n):
                jobs[i].done = read_events(&jobs[i])
        columns = []
        for i in range(n):
            if jobs[i].done == NO_MEMORY:
                raise MemoryError
            columns.append(allocate(&jobs[i]) if jobs[i].done == OK else None)
        with nogil:
            for i in range(n):
                if jobs[i].done == OK:
                    write_columns(&jobs[i])
        return [
            None if columns[i] is None else (*columns[i], *codes_and_ends(&jobs[i]))
            for i in range(n)
        ]
    finally:
        for i in range(n):
            free(jobs[i].reader.rows)
            free(jobs[i].reader.ticks)
            free(jobs[i].reader.marks)
            free(jobs[i].reader.amounts.at)
            free(jobs[i].reader.codes.at)
            free(jobs[i].tracks)
            free(jobs[i].ends)
            free(jobs[i].heap)
        free(jobs)


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


cdef int write_channel_message(
    Writer* self, const uint8_t* row, int64_t delta, bint flip
) noexcept nogil:
    """Append a message of one record; ``flip``: its status is not written as the policy says."""
    cdef Bytes* body = &self.body
    cdef uint8_t status = row[1], n = row[4]
    cdef bint explicit = True
    cdef uint8_t* to
    if n < 1 or n > PIECE:
        return REFUSED
    if reserve(body, 8) != OK:
        return NO_MEMORY
    put_vlq(body, <uint32_t> delta)
    if status == self.running:
        if self.interrupted:
            explicit = (not self.policy & POLICY_ACROSS_RUNNING) ^ flip
        else:
            explicit = ((self.policy & POLICY_SAME_EXPLICIT) != 0) ^ flip
    to = body.at + body.count
    if explicit:
        to[0] = status
        to += 1
    if n > 1:
        to[0] = row[2]
        to += 1
    if n > 2:
        to[0] = row[3]
        to += 1
    body.count = to - body.at
    self.running = status
    self.interrupted = self.ended = False
    self.tick += delta
    self.index += 1
    return OK


cdef int write_message(
    Writer* self, const uint8_t* rows, Py_ssize_t count, int64_t tick
) noexcept nogil:
    """Append the message that ``count`` records make."""
    cdef Py_ssize_t delta_padding = 0, length_padding = 0, length = 0, i
    cdef int64_t delta = tick - self.tick
    cdef uint8_t status = rows[1]
    cdef bint flip = False, joined = False
    cdef Bytes* body = &self.body
    cdef uint8_t n
    if delta < 0 or delta > MAX_VALUE:
        return REFUSED
    if status < SYSEX and self.next_index != self.index and not self.joining:
        return write_channel_message(self, rows, delta, False)
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
        put_padding(body, self.joined_padding)
        put_rows(body, rows, count, 1)
        self.joining, self.joined_padding = False, 0
        self.index += 1
        return OK
    put_padding(body, delta_padding)
    if status < SYSEX:
        return write_channel_message(self, rows, delta, flip)
    self.index += 1
    put_vlq(body, <uint32_t> delta)
    self.tick = tick
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
        put_padding(body, length_padding)
        put_vlq(body, <uint32_t> (length - 1))
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
        put_padding(body, length_padding)
        put_rows(body, rows, count, 2 if status == META else 1)
    else:
        put_rows(body, rows, count, 0)
    return OK


cdef inline void put_rows(
    Bytes* body, const uint8_t* rows, Py_ssize_t count, Py_ssize_t skipped
) noexcept nogil:
    """Append the bytes that records use, but the first ``skipped``; there is room for them."""
    cdef Py_ssize_t i, j
    cdef uint8_t* to = body.at + body.count
    for i in range(count):
        for j in range(skipped if i == 0 else 0, rows[ROW * i + 4]):
            to[0] = rows[ROW * i + 1 + j]
            to += 1
    body.count = to - body.at


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
    # Of lengths that are seen to be the same, so that pointers go no farther.
    cdef const uint8_t* rows = NULL
    cdef const int64_t* deltas = NULL
    cdef const int32_t* numbers = NULL
    cdef const uint8_t* begins = NULL
    if not n == delta_ticks.shape[0] == track.shape[0] == starts.shape[0]:
        raise ValueError("columns of different lengths")
    if n and records.shape[1] != ROW:
        raise ValueError(f"expected {ROW} columns")
    if n:
        rows, deltas, numbers, begins = &records[0, 0], &delta_ticks[0], &track[0], &starts[0]
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
                while i < n and not begins[i]:
                    i += 1
                if not 0 <= numbers[first] < tracks:
                    done = REFUSED
                    break
                if not merged and numbers[first] != before:
                    now = 0
                before = numbers[first]
                now += deltas[first]
                done = write_message(&writers[before], rows + ROW * first, i - first, now)
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
