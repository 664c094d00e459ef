# Tracks one after another → one song's columns; included by _smf.pyx.

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
