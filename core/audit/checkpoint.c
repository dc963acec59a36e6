/* Checkpoints as text. Any thread; nothing waits. */
#include "proxenos/audit.h"

#include "proxenos/base_time.h"

static const char origin[] = "proxenos/log";

void audit_checkpoint_now(struct store *store, struct audit_checkpoint *out_checkpoint)
{
    struct env *env = store_env(store);
    *out_checkpoint = (struct audit_checkpoint){.at_ms = env->now_ms(env)};
    store_head(store, &out_checkpoint->seq, out_checkpoint->chain);
}

void audit_checkpoint_format(const struct audit_checkpoint *checkpoint, struct buf *out)
{
    buf_printf(out, "%s\n%lld\n", origin, (long long)checkpoint->seq);
    base64_encode(out, checkpoint->chain, sizeof(checkpoint->chain));
    buf_append_char(out, '\n');
    time_format(out, checkpoint->at_ms);
    buf_append_char(out, '\n');
}

static enum err line_wrong(int line, const char *what, struct error *error)
{
    char pointer[24];
    (void)snprintf(pointer, sizeof(pointer), "line %d", line);
    return error_at(error, ERR_INVALID, pointer, NULL, "no checkpoint: %s", what);
}

static bool decimal_read(struct str text, int64_t *out_number)
{
    /* One way to write each number, as a signed text needs. */
    bool plain = text.len > 0 && (text.at[0] != '0' || text.len == 1) && text.at[0] != '+' &&
                 text.at[0] != '-';
    return plain && str_to_int64(text, out_number) == OK;
}

static bool chain_read(struct str text, unsigned char out_chain[HASH_BYTES])
{
    struct buf bytes;
    buf_init(&bytes);
    bool good = base64_decode(&bytes, text) == OK && bytes.len == HASH_BYTES;
    if (good) {
        memcpy(out_chain, bytes.at, HASH_BYTES);
    }
    buf_deinit(&bytes);
    return good;
}

enum err audit_checkpoint_parse(struct str text, struct audit_checkpoint *out_checkpoint,
                                struct error *error)
{
    struct audit_checkpoint checkpoint = {0};
    struct str line = {0};
    if (!str_split(&text, '\n', &line) || !str_is(line, origin)) {
        return line_wrong(1, "it begins with proxenos/log", error);
    }
    if (!str_split(&text, '\n', &line) || !decimal_read(line, &checkpoint.seq)) {
        return line_wrong(2, "the number of entries stands here", error);
    }
    if (!str_split(&text, '\n', &line) || !chain_read(line, checkpoint.chain)) {
        return line_wrong(3, "32 bytes in base64 stand here", error);
    }
    /* Whoever signs may leave the time out or add lines of his own. */
    if (str_split(&text, '\n', &line) && line.len > 0 &&
        time_parse(line, &checkpoint.at_ms) != OK) {
        checkpoint.at_ms = 0;
    }
    *out_checkpoint = checkpoint;
    return OK;
}
