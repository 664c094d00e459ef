# The events of a track → records, ticks and codes; included by _smf.pyx.

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
    return OK if tick < MAX_TICK else REFUSED


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
