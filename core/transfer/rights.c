/* Whose rights a job has, and whether they are still the same: jobs outlive what their user was
 * allowed when they began. Any thread. */
#include "import.h"

static bool same_texts(const struct str *a, size_t a_count, const struct str *b, size_t b_count)
{
    bool same = a_count == b_count;
    for (size_t i = 0; same && i < a_count; i++) {
        same = str_eq(a[i], b[i]);
    }
    return same;
}

static bool same_grant(const struct object_type *type, const struct scope_grant *a,
                       const struct scope_grant *b)
{
    return a->verbs == b->verbs && a->read_rows == b->read_rows && a->write_rows == b->write_rows &&
           memcmp(a->fields, b->fields, (size_t)type->field_count) == 0;
}

static bool same_compartments(const struct scope *a, const struct scope *b)
{
    bool same = a->compartment_count == b->compartment_count;
    for (size_t i = 0; same && i < a->compartment_count; i++) {
        same = str_eq(a->compartments[i].key, b->compartments[i].key) &&
               a->compartments[i].write == b->compartments[i].write;
    }
    return same;
}

bool scope_same(const struct scope *a, const struct scope *b)
{
    bool same = a->schema == b->schema && a->user == b->user && a->admin == b->admin &&
                a->audit == b->audit && a->mark == b->mark && a->team_count == b->team_count &&
                same_texts(a->roles, a->role_count, b->roles, b->role_count) &&
                same_compartments(a, b);
    for (size_t i = 0; same && i < a->team_count; i++) {
        same = a->team[i] == b->team[i];
    }
    for (int i = 0; same && i < a->schema->object_count; i++) {
        same = same_grant(&a->schema->objects[i], &a->grants[i], &b->grants[i]);
    }
    return same;
}

bool scope_narrowed(struct jobs *jobs, const struct scope *scope)
{
    const struct scope *whole = NULL;
    if (scope->user == 0 ||
        auth_user_scope(jobs->options.auth, scope->user, scope->via, &whole, NULL) != OK) {
        return false;
    }
    bool narrowed = !scope_same(scope, whole);
    scope_unref(whole);
    return narrowed;
}

enum err job_rights(const struct job *job, const struct scope **out_scope, struct error *error)
{
    const struct scope *now = NULL;
    enum err err = auth_user_scope(job->jobs->options.auth, job->user, job->via, &now, error);
    if (err != OK) {
        return err;
    }
    if (job->narrowed || scope_same(now, job->scope)) {
        scope_unref(now);
        scope_ref(job->scope);
        now = job->scope;
    }
    *out_scope = now;
    return OK;
}
