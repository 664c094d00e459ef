# Whole files, several at a time; included by _smf.pyx.

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
