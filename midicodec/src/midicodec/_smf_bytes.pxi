# Bytes that become more, and variable-length quantities in them; included by _smf.pyx.

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
    if value >= 1 << 7:
        if value >= 1 << 14:
            if value >= 1 << 21:
                put(self, 0x80 | (value >> 21 & 0x7F))
            put(self, 0x80 | (value >> 14 & 0x7F))
        put(self, 0x80 | (value >> 7 & 0x7F))
    put(self, value & 0x7F)


cdef inline Py_ssize_t vlq_bytes(uint32_t value) noexcept nogil:
    return 1 + (value >= 1 << 7) + (value >= 1 << 14) + (value >= 1 << 21)


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
