/* Idempotency-Key (contract 15): a POST repeated with its key gets the first answer, which was
 * written in the first one's own unit; an answer with a secret in it is sealed. Loop thread; `find`
 * and `keep` inside apply. This file holds the API's only SQL. */
#include "internal.h"

#include "proxenos/store_erasure.h"

enum { KEY_LEN_MAX = 200, KEPT_BODY_MAX = 64 << 10, KEPT_MS = 24 * 3600 * 1000 };
enum { KEY_GET, KEY_ADD, KEY_SWEEP, KEY_SEARCH, KEY_ERASE, KEY_STATEMENT_COUNT };

static const char *const migrations[] = {
    "create table api_idempotency (principal text not null, key text not null, hash blob not null, "
    "status integer not null,"
    " record integer not null, version integer not null, body text, at integer not null, primary "
    "key (principal, key)) without rowid;"
    "create index api_idempotency_at on api_idempotency (at);",
};

static const struct table_statement statements[KEY_STATEMENT_COUNT] = {
    [KEY_GET] = {"key_get", "select hash, status, record, version, body from api_idempotency where "
                            "principal = ?1 and key = ?2"},
    [KEY_ADD] =
        {"key_add",
         "insert into api_idempotency (principal, key, hash, status, record, version, body, at)"
         " values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
    [KEY_SWEEP] = {"key_sweep", "delete from api_idempotency where at < ?1"},
    [KEY_SEARCH] = {"key_search",
                    "select principal, key, key, body from api_idempotency where (?1 is null or "
                    "(principal, key) > (?1, ?2)) order by principal, key limit 500"},
    [KEY_ERASE] = {"key_erase", "delete from api_idempotency where principal = ?1 and key = ?2"},
};

const struct table_module api_tables = {
    .prefix = "api_",
    .migrations = migrations,
    .migration_count = COUNT_OF(migrations),
    .statements = statements,
    .statement_count = KEY_STATEMENT_COUNT,
};

static const struct erasure_part kept_answers = {.name = "kept_answers",
                                                 .tables = &api_tables,
                                                 .find = KEY_SEARCH,
                                                 .purge = KEY_ERASE,
                                                 .key_count = 2};

void idempotency_erasure_part(struct store *store)
{
    store_erasure_part(store, &kept_answers);
}

/* Principal and key together, as the map of those under way knows them. */
static struct str flight_key(struct call *call, const struct idempotency *idempotency)
{
    return arena_printf(call_arena(call), STR_FORMAT "\n" STR_FORMAT,
                        STR_ARGS(call_scope(call)->actor), STR_ARGS(idempotency->key));
}

bool idempotency_begin(struct call *call, struct idempotency *idempotency)
{
    struct http_request *http = call->http;
    *idempotency = (struct idempotency){.key = http_request_header(http, "Idempotency-Key")};
    if (idempotency->key.at == NULL) {
        idempotency->key = STR("");
        return true;
    }
    if (idempotency->key.len == 0 || idempotency->key.len > KEY_LEN_MAX) {
        call_fail(call, ERR_INVALID, "Idempotency-Key must have 1 to %d characters", KEY_LEN_MAX);
        return false;
    }
    struct str flight = flight_key(call, idempotency);
    if (map_get(&call->api->in_flight, flight) != NULL) {
        idempotency->key = STR(""); /* first: it may live in the call's arena */
        call_fail(call, ERR_IN_FLIGHT, "a request with this Idempotency-Key is still running");
        return false;
    }
    map_set(&call->api->in_flight, flight, call);
    struct hasher hasher;
    hash_start(&hasher);
    hash_add(&hasher, http_method_name(http->method), strlen(http_method_name(http->method)));
    hash_add(&hasher, "\n", 1);
    hash_add(&hasher, http->target.at, http->target.len);
    hash_add(&hasher, "\n", 1);
    hash_add(&hasher, http->body.at, http->body.len);
    hash_end(&hasher, idempotency->hash);
    return true;
}

void idempotency_end(struct call *call, const struct idempotency *idempotency)
{
    if (idempotency->key.len > 0) {
        map_remove(&call->api->in_flight, flight_key(call, idempotency));
    }
}

struct finding {
    struct idempotency *idempotency;
    struct tx *tx;
};

/* A sealed body opens for its own principal and key alone. */
static struct str sealed_for(const struct idempotency *idempotency, struct tx *tx)
{
    return arena_printf(tx_arena(tx), "api.idempotency:" STR_FORMAT "\n" STR_FORMAT,
                        STR_ARGS(tx_scope(tx)->actor), STR_ARGS(idempotency->key));
}

static struct value sealed_body(const struct idempotency *idempotency, struct tx *tx)
{
    struct buf sealed;
    buf_init(&sealed);
    store_seal(tx_store(tx), sealed_for(idempotency, tx), idempotency->body, &sealed);
    struct str kept = {arena_dup(tx_arena(tx), sealed.at, sealed.len), sealed.len};
    buf_deinit(&sealed);
    return (struct value){.kind = VALUE_BYTES, .text = kept};
}

static enum err open_body(struct idempotency *idempotency, struct tx *tx, struct str sealed,
                          struct error *error)
{
    struct buf body;
    buf_init(&body);
    enum err err = store_unseal(tx_store(tx), sealed_for(idempotency, tx), sealed, &body, error);
    if (err == OK) {
        idempotency->body = arena_str(tx_arena(tx), buf_str(&body));
    }
    crypto_wipe(body.at, body.cap);
    buf_deinit(&body);
    return err;
}

static enum err on_kept(void *context, const struct value *columns, int column_count,
                        struct error *error)
{
    (void)column_count;
    struct finding *finding = context;
    struct idempotency *idempotency = finding->idempotency;
    if (columns[0].text.len != HASH_BYTES ||
        memcmp(columns[0].text.at, idempotency->hash, HASH_BYTES) != 0) {
        return error_set(error, ERR_IDEMPOTENCY,
                         "this Idempotency-Key was used with another request");
    }
    idempotency->replayed = true;
    idempotency->status = (int)columns[1].integer;
    idempotency->id = columns[2].integer;
    idempotency->version = columns[3].integer;
    idempotency->body =
        columns[4].kind == VALUE_TEXT ? arena_str(tx_arena(finding->tx), columns[4].text) : STR("");
    return columns[4].kind == VALUE_BYTES
               ? open_body(idempotency, finding->tx, columns[4].text, error)
               : OK;
}

enum err idempotency_find(struct idempotency *idempotency, const struct call *call, struct tx *tx,
                          struct error *error)
{
    idempotency->replayed = false;
    if (idempotency->key.len == 0) {
        return OK;
    }
    struct finding finding = {.idempotency = idempotency, .tx = tx};
    struct value binds[] = {value_text(call_scope(call)->actor), value_text(idempotency->key)};
    return tx_table(tx, &api_tables, KEY_GET, binds, 2, on_kept, &finding, error);
}

enum err idempotency_keep(const struct idempotency *idempotency, const struct call *call,
                          struct tx *tx, struct error *error)
{
    struct str body = idempotency->body;
    if (idempotency->key.len == 0) {
        return OK;
    }
    struct value kept = idempotency->secret ? sealed_body(idempotency, tx) : value_text(body);
    struct value hash = {.kind = VALUE_BYTES,
                         .text = {(const char *)idempotency->hash, HASH_BYTES}};
    struct value binds[] = {value_text(call_scope(call)->actor),
                            value_text(idempotency->key),
                            hash,
                            value_int(idempotency->status),
                            value_int(idempotency->id),
                            value_int(idempotency->version),
                            body.len <= KEPT_BODY_MAX ? kept : value_null(),
                            value_int(tx_now_ms(tx))};
    return tx_table(tx, &api_tables, KEY_ADD, binds, COUNT_OF(binds), NULL, NULL, error);
}

/* ---- forgetting ---- */

static enum err sweep_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    (void)unit;
    struct value before = value_int(tx_now_ms(tx) - KEPT_MS);
    return tx_table(tx, &api_tables, KEY_SWEEP, &before, 1, NULL, NULL, error);
}

static void sweep_done(struct unit *unit)
{
    unit_deinit(unit);
    mem_free(unit);
}

/* Old keys go; if the store is busy, the next sweep takes them. */
void idempotency_sweep(struct api *api)
{
    struct unit *unit = mem_zalloc(sizeof(*unit));
    *unit = (struct unit){.reply = loop_mailbox(api->loop),
                          .apply = sweep_apply,
                          .done = sweep_done,
                          .request = STR("api")};
    unit->scope = store_system_scope(api->store, SYSTEM_AUTH);
    if (store_submit(api->store, unit) != OK) {
        mem_free(unit);
    }
}
