/*
 * Faults in a mapped file, told as what they are.
 *
 * LMDB reads its file through a map and trusts it.  Where the file is damaged,
 * cut short while it is open, or on a disk that fails, the processor or the
 * kernel finds out: SIGSEGV, SIGBUS, SIGFPE (pages of no size), or LMDB's own
 * abort().  For a user that is a damaged file and no mystery: one line on
 * standard error, and the process ends with DL_EXIT_DATA.  For tools alone,
 * before they open it.
 */
#ifndef DL_FAULT_H
#define DL_FAULT_H

/* From now on blame path for faults; tool is the line's first word. */
void dl_fault_blame(const char *tool, const char *path);

#endif
