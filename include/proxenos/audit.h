/* Proof of the log: verification of its chain, and checkpoints that are kept outside. Threads: each
 * call on any thread that may wait for the disk (a lane), but audit_checkpoint_now, _format and
 * _parse, which do not wait. */
#ifndef PROXENOS_AUDIT_H
#define PROXENOS_AUDIT_H

#include "proxenos/base_crypto.h"
#include "proxenos/store_log.h"

/* A checkpoint: what someone outside keeps to detect truncation and full restamping. Its text is a
 * tlog-checkpoint (C2SP):
 *
 *   proxenos/log
 *   8800                                           entries
 *   base64 of the chain after the last of them
 *   2027-03-31T10:00:00.000Z                       when it was taken
 *
 *   — proxenos base64                             Ed25519 signature, when there is a key */
struct audit_checkpoint {
    int64_t seq;
    unsigned char chain[HASH_BYTES];
    int64_t at_ms;
};

struct audit_report {
    int64_t entries, first_seq, last_seq;
    int64_t bad_seq;   /* first entry that does not verify, 0: none */
    char finding[300]; /* in words; empty when all is well */
    unsigned char chain[HASH_BYTES];
    int64_t access_entries; /* of the access log, which is walked when the log is well */
    bool kept_compared;     /* audit/head was there to compare with */
};
/* Walks the log, then the access log, from their first entries on: seq without gaps, payload
 * hashes, chain; the head kept beside the database and `known` (NULL: none) must lie on the chain.
 * One snapshot: entries that come meanwhile are not looked at. ERR_CORRUPT with the report filled
 * when something is wrong; ERR_CANCELLED when progress (NULL: none) returned false, which is asked
 * every 1,000 entries. */
enum err audit_verify(struct reader *reader, const struct audit_checkpoint *known,
                      progress_cb progress, void *context, struct audit_report *out_report,
                      struct error *error) MUST_CHECK;
/* The same for the folder of a stopped service, or a backup; nothing is changed there. ERR_LOCKED
 * when a service has it open. */
enum err audit_verify_folder(const char *folder, const struct audit_checkpoint *known,
                             progress_cb progress, void *context, struct audit_report *out_report,
                             struct error *error) MUST_CHECK;

/* The log as it is committed now. Any thread. */
void audit_checkpoint_now(struct store *store, struct audit_checkpoint *out_checkpoint);
/* Appends the text without signature. */
void audit_checkpoint_format(const struct audit_checkpoint *checkpoint, struct buf *out);
/* Reads a text with or without signatures, which are not judged. ERR_INVALID names the line. */
enum err audit_checkpoint_parse(struct str text, struct audit_checkpoint *out_checkpoint,
                                struct error *error) MUST_CHECK;

/* ---- signatures ---- */

struct audit_key {
    unsigned char secret[SIGN_SECRET_BYTES];
};
/* folder/audit/key (0600), made at the first use. ERR_IO, ERR_CORRUPT. Wipe the key after use. */
enum err audit_key_open(const char *folder, struct audit_key *out_key,
                        struct error *error) MUST_CHECK;
/* What others verify with, in the form of signed notes: "proxenos+<key id>+<base64>". Appended. */
void audit_key_public(const struct audit_key *key, struct buf *out);
/* As audit_checkpoint_format, with the signature. */
void audit_checkpoint_sign(const struct audit_key *key, const struct audit_checkpoint *checkpoint,
                           struct buf *out);
/* Parses the text and verifies its signature by this public key (the text of audit_key_public).
 * ERR_INVALID for what cannot be read, ERR_CORRUPT when no signature of this key fits. */
enum err audit_checkpoint_check(struct str text, struct str public_key,
                                struct audit_checkpoint *out_checkpoint,
                                struct error *error) MUST_CHECK;

#endif
