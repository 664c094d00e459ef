# Tracks one after another → one song's columns; included by _smf.pyx.

cdef struct Run:
    # A track's records that are not yet written.
    int32_t track
    Py_ssize_t at
    Py_ssize_t end


cdef inline int64_t next_key(const Reader* self, const Run* runs, Py_ssize_t k) noexcept nogil:
    """Return what the next record of a track goes by: its tick, then which of ``runs`` it is."""
    return (self.ticks[runs[k].at] << TRACK_BITS | k) if runs[k].at < runs[k].end else INT64_MAX


cdef int64_t play_all(
    const Reader* self, const Run* runs, Py_ssize_t count, int64_t* losers
) noexcept nogil:
    """Let the next records of all tracks play against each other; return the least key."""
    cdef Py_ssize_t k, node
    cdef int64_t key
    for node in range(count):
        losers[node] = INT64_MIN  # nobody has played here
    for k in range(count):
        key = next_key(self, runs, k)
        node = (k + count) >> 1
        while node and losers[node] != INT64_MIN:
            losers[node], key = max(losers[node], key), min(losers[node], key)
            node >>= 1
        losers[node] = key
    return losers[0]


cdef void merge(
    const Reader* self, Run* runs, Py_ssize_t count, int64_t* losers,
    uint8_t* rows, int64_t* deltas, int32_t* numbers, uint8_t* starts,
) noexcept nogil:
    """Write all records in the order of their ticks, then tracks.

    By a tournament (Knuth, The Art of Computer Programming, 5.4.1, "tree of losers"): ``losers``,
    as many as there are ``runs``, has in each node the key that lost there, so that the next
    winner is found on one way from its leaf to the root, without a branch to guess wrongly.
    """
    cdef Py_ssize_t k, i, end, node, out = 0
    cdef int64_t key = play_all(self, runs, count, losers), tick, now = 0, delta, other
    cdef const uint8_t* own_rows = self.rows
    cdef const int64_t* ticks = self.ticks
    cdef const uint8_t* marks = self.marks
    cdef int32_t track
    while key != INT64_MAX:
        tick = key >> TRACK_BITS
        k = key & ((1 << TRACK_BITS) - 1)
        i, end, track = runs[k].at, runs[k].end, runs[k].track
        delta = tick - now
        now = tick
        while True:  # all that this track has at this tick
            memcpy(rows + ROW * out, own_rows + ROW * i, ROW)
            starts[out] = marks[i] & START
            deltas[out] = delta
            numbers[out] = track
            out += 1
            i += 1
            if i == end or ticks[i] != tick:
                break
            delta = 0 if marks[i] else delta
        runs[k].at = i
        key = next_key(self, runs, k)
        node = (k + count) >> 1
        while node:
            other = losers[node]
            losers[node], key = max(other, key), min(other, key)
            node >>= 1


cdef void copy_track(
    const Reader* self, const Run* run,
    uint8_t* rows, int64_t* deltas, int32_t* numbers, uint8_t* starts,
) noexcept nogil:
    """Write a track's records, all that there are, from the track's own beginning on."""
    cdef Py_ssize_t begin = run.at, n = run.end - run.at, i
    cdef int64_t now = 0, delta = 0
    cdef const int64_t* ticks = self.ticks + begin
    cdef const uint8_t* marks = self.marks + begin
    memcpy(rows, self.rows + ROW * begin, ROW * n)
    for i in range(n):
        if marks[i]:
            delta = ticks[i] - now
            now = ticks[i]
        starts[i] = marks[i] & START
        deltas[i] = delta
        numbers[i] = run.track
