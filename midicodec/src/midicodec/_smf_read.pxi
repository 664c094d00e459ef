# Whole files, several at a time; included by _smf.pyx.

cdef struct Track:
    # Where its events are in the file, and where what was made of them ends in the reader.
    Py_ssize_t begin
    Py_ssize_t end
    Py_ssize_t records_end
    Py_ssize_t codes_end
    bint ended


cdef struct File:
    const uint8_t* data
    bint merged
    Track* tracks
    Py_ssize_t count
    Py_ssize_t first_record
    Py_ssize_t first_code
    int done
    # Where the columns go.
    uint8_t* rows
    int64_t* deltas
    int32_t* numbers
    uint8_t* starts


cdef enum:
    SPARE_RECORDS = 1 << 18

# The buffers of a call that is over, so that the next one need not ask the system for memory.
cdef Reader _spare
memset(&_spare, 0, sizeof(Reader))


cdef Reader take_buffers() noexcept:
    global _spare
    cdef Reader taken = _spare
    memset(&_spare, 0, sizeof(Reader))
    taken.count = taken.amounts.count = taken.codes.count = 0
    return taken


cdef void give_back(Reader* self) noexcept:
    """Keep the buffers for the next call, if they are of a modest size."""
    global _spare
    cdef Reader freed = self[0]
    if self.capacity <= SPARE_RECORDS and _spare.rows == NULL:
        freed, _spare = _spare, self[0]
    free(freed.rows)
    free(freed.ticks)
    free(freed.marks)
    free(freed.amounts.at)
    free(freed.codes.at)


cdef int read_events(Reader* reader, File* self) noexcept nogil:
    """Read the events of all tracks, one after another; nothing is left of what is refused."""
    cdef Py_ssize_t k, begin, total = 0
    cdef int done
    cdef Track* track
    self.first_record, self.first_code = reader.count, reader.codes.count
    for k in range(self.count):
        total += self.tracks[k].end - self.tracks[k].begin
    # Most events take three bytes or more, so this is mostly enough.
    done = reserve_records(reader, total // 3)
    for k in range(self.count):
        if done != OK:
            break
        track = &self.tracks[k]
        begin = reader.count
        reader.amounts.count = 0
        done = read_track(reader, self.data, track.begin, track.end, &track.ended)
        if done == OK:
            done = put_codes(reader, begin)
        track.records_end, track.codes_end = reader.count, reader.codes.count
    if done != OK:
        reader.count, reader.codes.count = self.first_record, self.first_code
    return done


cdef void write_columns(
    const Reader* reader, File* self, Run* runs, int64_t* losers
) noexcept nogil:
    """Write a file's records in their order; there is room for as many runs as it has tracks."""
    cdef Py_ssize_t k, begin = self.first_record, count = 0
    for k in range(self.count):
        if begin < self.tracks[k].records_end:
            runs[count].track = <int32_t> k
            runs[count].at, runs[count].end = begin, self.tracks[k].records_end
            count += 1
        begin = self.tracks[k].records_end
    if self.merged and count > 1:
        merge(reader, runs, count, losers, self.rows, self.deltas, self.numbers, self.starts)
        return
    for k in range(count):
        begin = runs[k].at - self.first_record
        copy_track(reader, &runs[k], self.rows + ROW * begin, self.deltas + begin,
                   self.numbers + begin, self.starts + begin)


cdef int prepare(File* self, bytes data, list bounds, bint merged, Track* tracks) except -1:
    cdef Py_ssize_t k, begin, end
    if len(bounds) >= 1 << TRACK_BITS:
        raise ValueError(f"more tracks than a header can say: {len(bounds)}")
    self.data, self.merged, self.tracks, self.count = data, merged, tracks, len(bounds)
    for k, (begin, end) in enumerate(bounds):
        if not 0 <= begin <= end <= len(data):
            raise ValueError(f"bounds outside the data: {begin} to {end} of {len(data)}")
        tracks[k].begin, tracks[k].end = begin, end
    return 0


cdef void* memory(array) except? NULL:
    """Return where the bytes of a numpy array of our own making are, for as long as it lives."""
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS)
    cdef void* found = view.buf
    PyBuffer_Release(&view)
    return found


cdef tuple allocate(Py_ssize_t n, File* self):
    """Return columns of ``n`` records, and note where they are."""
    columns = (_EMPTY((n, ROW), _UINT8), _EMPTY(n, _INT64), _EMPTY(n, _INT32), _EMPTY(n, _BOOL))
    self.rows, self.deltas = <uint8_t*> memory(columns[0]), <int64_t*> memory(columns[1])
    self.numbers, self.starts = <int32_t*> memory(columns[2]), <uint8_t*> memory(columns[3])
    return columns


cdef tuple codes_and_ends(const Reader* reader, const File* self):
    cdef Py_ssize_t k, begin = self.first_code, end
    cdef list codes = [], ended = []
    for k in range(self.count):
        end = self.tracks[k].codes_end
        codes.append(reader.codes.at[begin:end] if begin < end else b"")
        begin = end
        ended.append(bool(self.tracks[k].ended))
    return codes, ended


def read_many(list files):
    """Read the tracks of files, each a tuple (data, bounds, merged); a list of the same length.

    ``bounds`` are where each track's events begin and end in ``data``. What is read is a tuple:
    the columns of :class:`midicodec.tracks.Columns`, then lists of one value a track, its codes
    and whether its last event is an end of track. What is not plainly right is None.

    The GIL is let go twice for all files together: each time costs as much as reading a small one.
    """
    cdef Py_ssize_t n = len(files), i, at = 0, all_tracks = 0, most_tracks = 0
    cdef bytes data
    cdef list bounds, columns = []
    for data, bounds, merged in files:
        all_tracks += len(bounds)
        most_tracks = max(most_tracks, len(bounds))
    cdef File* jobs = <File*> calloc(n + 1, sizeof(File))
    cdef Track* tracks = <Track*> calloc(all_tracks + 1, sizeof(Track))
    cdef Run* runs = <Run*> calloc(most_tracks + 1, sizeof(Run))
    cdef int64_t* losers = <int64_t*> calloc(most_tracks + 1, sizeof(int64_t))
    cdef Reader reader = take_buffers()
    try:
        if jobs == NULL or tracks == NULL or runs == NULL or losers == NULL:
            raise MemoryError
        for i, (data, bounds, merged) in enumerate(files):
            prepare(&jobs[i], data, bounds, merged, tracks + at)
            at += len(bounds)
        with nogil:
            for i in range(n):
                jobs[i].done = read_events(&reader, &jobs[i])
        at = 0
        for i in range(n):
            if jobs[i].done == NO_MEMORY:
                raise MemoryError
            if jobs[i].done == REFUSED:
                columns.append(None)
                continue
            if jobs[i].count:
                at = jobs[i].tracks[jobs[i].count - 1].records_end
            columns.append(allocate(at - jobs[i].first_record, &jobs[i]))
        with nogil:
            for i in range(n):
                if jobs[i].done == OK:
                    write_columns(&reader, &jobs[i], runs, losers)
        return [
            None if columns[i] is None else (*columns[i], *codes_and_ends(&reader, &jobs[i]))
            for i in range(n)
        ]
    finally:
        give_back(&reader)
        free(jobs)
        free(tracks)
        free(runs)
        free(losers)
