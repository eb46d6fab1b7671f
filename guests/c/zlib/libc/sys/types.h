/* The part of <sys/types.h> that this program uses. */
#ifndef LIBC_SYS_TYPES_H
#define LIBC_SYS_TYPES_H

typedef long off_t;

#endif
