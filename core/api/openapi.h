/* Shared by the files that make the OpenAPI document: small builders, and the schemas of object
 * types. */
#ifndef PROXENOS_API_OPENAPI_H
#define PROXENOS_API_OPENAPI_H

#include "internal.h"

struct document {
    struct arena *arena;
    const struct scope *scope;
    struct value paths, schemas;
};

/* Values of the document; keys are constants, texts live in its arena. */
struct value openapi_text(const char *string);
void openapi_put(struct document *document, struct value *map, const char *key, struct value value);
struct value openapi_pair(struct document *document, const char *key, struct value value);
struct value openapi_reference(struct document *document, struct str name); /* to a named schema */
struct value openapi_typed(struct document *document, const char *type);
struct value openapi_nullable(struct document *document, const char *type);
struct value openapi_list_of(struct document *document, struct value items);
/* "sales_order" and "Create" → "SalesOrderCreate". */
struct str openapi_type_name(struct document *document, struct str name, const char *behind);
/* What is read of a type, and what may be written, as the document's scope sees it. */
struct value openapi_read_schema(struct document *document, const struct object_type *type);
struct value openapi_write_schema(struct document *document, const struct object_type *type,
                                  bool create);

#endif
