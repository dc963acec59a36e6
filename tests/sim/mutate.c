/* Rules of approvals broken on purpose, to see that the checkers find it: linked in the place of
 * what keeps them. In a machine without a mutation they do what the store does. */
#include "people.h"

#include "../../core/store/approval.h"

static enum sim_mutation mutation(void)
{
    const struct sim_machine *machine = sim_machine();
    return machine != NULL ? machine->mutation : MUTATION_NONE;
}

enum err __real_approval_principal(struct tx *tx, const struct record *approval, int64_t wanted,
                                   int64_t *out_principal, struct error *error);
enum err __wrap_approval_principal(struct tx *tx, const struct record *approval, int64_t wanted,
                                   int64_t *out_principal, struct error *error);

enum err __wrap_approval_principal(struct tx *tx, const struct record *approval, int64_t wanted,
                                   int64_t *out_principal, struct error *error)
{
    enum err err = __real_approval_principal(tx, approval, wanted, out_principal, error);
    bool pending = str_is(approval_text(approval, "state"), "pending");
    bool forgiven = (mutation() == MUTATION_MAKER && err == ERR_SAME_PERSON) ||
                    (mutation() == MUTATION_ROLE && err == ERR_FORBIDDEN) ||
                    (mutation() == MUTATION_EXCLUDED && err == ERR_FORBIDDEN &&
                     tx->scope->user == person_id(BEN)) ||
                    (mutation() == MUTATION_TWICE && err == ERR_CONFLICT && pending) ||
                    (mutation() == MUTATION_AGAIN && err == ERR_CONFLICT && !pending);
    return forgiven ? OK : err;
}

enum err __real_approval_check_content(struct tx *tx, const struct record *approval,
                                       const struct object_type *type, int64_t id,
                                       struct error *error);
enum err __wrap_approval_check_content(struct tx *tx, const struct record *approval,
                                       const struct object_type *type, int64_t id,
                                       struct error *error);

enum err __wrap_approval_check_content(struct tx *tx, const struct record *approval,
                                       const struct object_type *type, int64_t id,
                                       struct error *error)
{
    return mutation() == MUTATION_CONTENT
               ? OK
               : __real_approval_check_content(tx, approval, type, id, error);
}

enum err __real_approval_void_all(struct tx *tx, const struct object_type *type, int64_t id,
                                  struct error *error);
enum err __wrap_approval_void_all(struct tx *tx, const struct object_type *type, int64_t id,
                                  struct error *error);

enum err __wrap_approval_void_all(struct tx *tx, const struct object_type *type, int64_t id,
                                  struct error *error)
{
    return mutation() == MUTATION_CONTENT ? OK : __real_approval_void_all(tx, type, id, error);
}

int64_t __real_approval_number(const struct record *approval, const char *name, int64_t otherwise);
int64_t __wrap_approval_number(const struct record *approval, const char *name, int64_t otherwise);

int64_t __wrap_approval_number(const struct record *approval, const char *name, int64_t otherwise)
{
    return mutation() == MUTATION_QUORUM && strcmp(name, "quorum") == 0
               ? 1
               : __real_approval_number(approval, name, otherwise);
}

struct str __real_approval_text(const struct record *approval, const char *name);
struct str __wrap_approval_text(const struct record *approval, const char *name);

struct str __wrap_approval_text(const struct record *approval, const char *name)
{
    struct str text = __real_approval_text(approval, name);
    if (mutation() == MUTATION_HASH && strcmp(name, "content_hash") == 0) {
        return STR("of something else");
    }
    return mutation() == MUTATION_ANSWER && strcmp(name, "state") == 0 && str_is(text, "expired")
               ? STR("approved")
               : text;
}

enum err __real_approval_tell(struct tx *tx, const char *type, const struct record *approval,
                              struct value *more, struct error *error);
enum err __wrap_approval_tell(struct tx *tx, const char *type, const struct record *approval,
                              struct value *more, struct error *error);

enum err __wrap_approval_tell(struct tx *tx, const char *type, const struct record *approval,
                              struct value *more, struct error *error)
{
    return mutation() == MUTATION_SILENT ? OK
                                         : __real_approval_tell(tx, type, approval, more, error);
}

enum err __real_tx_approval_time(struct tx *tx, int64_t approval, enum approval_time what,
                                 struct error *error);
enum err __wrap_tx_approval_time(struct tx *tx, int64_t approval, enum approval_time what,
                                 struct error *error);

enum err __wrap_tx_approval_time(struct tx *tx, int64_t approval, enum approval_time what,
                                 struct error *error)
{
    if (mutation() == MUTATION_LOST) {
        return OK;
    }
    bool early = mutation() == MUTATION_EARLY && what == APPROVAL_REMIND;
    return __real_tx_approval_time(tx, approval, early ? APPROVAL_EXPIRE : what, error);
}
