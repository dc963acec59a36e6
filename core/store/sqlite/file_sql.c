/* SQL of the files that hang on records; see file_sql.h. */
#include "file_sql.h"

#define SQL(name, text) const struct str name = {text, sizeof(text) - 1}
#define COLUMNS "id, object, record, name, media_type, bytes, hash, added_at, added_by"

SQL(sql_file_add, "insert into file_attachment (" COLUMNS ") values "
                  "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
SQL(sql_file_remove, "update file_attachment set removed_at = ?2 where id = ?1");
SQL(sql_file_revive, "update file_attachment set removed_at = null, record = ?2 where id = ?1");
SQL(sql_file_get, "select " COLUMNS ", removed_at from file_attachment where id = ?1");
SQL(sql_file_list, "select " COLUMNS ", removed_at from file_attachment where record = ?1 and "
                   "id > ?2 and removed_at is null order by id limit ?3");
SQL(sql_file_count,
    "select count(*) from file_attachment where record = ?1 and removed_at is null");
SQL(sql_file_all, "select " COLUMNS ", removed_at from file_attachment where record = ?1");
SQL(sql_file_forget, "delete from file_attachment where record = ?1");
SQL(sql_file_of, "select " COLUMNS ", removed_at from file_attachment where hash = ?1 and "
                 "removed_at is null limit 1");

SQL(sql_content_put, "insert into file_content (hash, bytes, loose_at) values (?1, ?2, null) "
                     "on conflict (hash) do update set loose_at = null");
SQL(sql_content_get, "select bytes, loose_at from file_content where hash = ?1");
SQL(sql_content_loose,
    "update file_content set loose_at = ?2 where hash = ?1 and not exists (select 1 from "
    "file_attachment where file_attachment.hash = ?1 and removed_at is null)");
SQL(sql_content_due,
    "select hash from file_content where loose_at <= ?1 order by loose_at limit ?2");
SQL(sql_content_drop, "delete from file_content where hash = ?1 and loose_at <= ?2");
SQL(sql_content_all, "select hash, bytes, loose_at from file_content order by hash");

SQL(sql_content_known,
    "select 1 from sqlite_master where type = 'table' and name = 'file_content'");

SQL(sql_total_add, "update file_total set bytes = bytes + ?1, files = files + ?2 where id = 1");
SQL(sql_total_get, "select bytes, files from file_total where id = 1");
