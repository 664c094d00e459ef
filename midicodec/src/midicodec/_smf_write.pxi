# Columns → the events of tracks; included by _smf.pyx.

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
    # There is room for all three bytes, and what is not of the message the next one overwrites.
    to = body.at + body.count
    to[0] = status
    to += explicit
    to[0] = row[2]
    to[1] = row[3]
    body.count = to - body.at + n - 1
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
