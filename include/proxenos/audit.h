/* Proof of the log: verification of the chain, checkpoints kept outside, export. Lane threads. */
#ifndef PROXENOS_AUDIT_H
#define PROXENOS_AUDIT_H

#include "proxenos/store_log.h"

/* A checkpoint: what someone outside keeps to detect truncation and full restamping. Text form,
 * three lines: "proxenos/log", decimal size, base64 chain head; then an Ed25519 signature line when
 * a key exists (C2SP tlog-checkpoint's shape). */
struct audit_checkpoint {
    int64_t seq;
    unsigned char chain[32];
    int64_t at_ms;
};

struct audit_report {
    int64_t entries, first_seq, last_seq;
    int64_t bad_seq;   /* first entry that does not verify, 0: none */
    char finding[200]; /* in words; empty when all is well */
    unsigned char chain[32];
};
/* Walks the whole log and recomputes chain and payload hashes; gaps, order, and the sidecar's and
 * given checkpoint's heads are compared. ERR_CORRUPT with the report filled when something is
 * wrong. progress may be NULL or return false to cancel. */
enum err audit_verify(struct reader *reader, const struct audit_checkpoint *known,
                      progress_cb progress, void *context, struct audit_report *out_report,
                      struct error *error) MUST_CHECK;
/* The same for a database file of a stopped service or a backup. */
enum err audit_verify_folder(struct env *env, const char *folder,
                             const struct audit_checkpoint *known, progress_cb progress,
                             void *context, struct audit_report *out_report,
                             struct error *error) MUST_CHECK;
void audit_checkpoint_now(struct store *store, struct audit_checkpoint *out_checkpoint);
void audit_checkpoint_format(const struct audit_checkpoint *checkpoint, struct buf *out);
enum err audit_checkpoint_parse(struct str text, struct audit_checkpoint *out_checkpoint,
                                struct error *error) MUST_CHECK;

#endif
