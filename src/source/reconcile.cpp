#include "source/reconcile.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/first_names.hpp"
#include "source/numbers.hpp"

namespace pulse::source {
namespace {

// Of tables that others hold: the rest is for another time, so that one look ends within about a
// second. Which ones come first is left to chance, so that none is always behind them.
constexpr int failures_max = 5;

// One row for each table and what it needs; `lists`: those that it is to leave, or leave and enter
// again.
std::string misplaced_sql(const publication_upkeep& kept, int server_version) {
  const auto& names = kept.names;
  const auto base = quote_literal(names.base);
  return fmt::format(
      R"(
    WITH ours AS (
      SELECT oid, pubname::pg_catalog.text AS name FROM pg_catalog.pg_publication
      WHERE pubname = ANY ({names}::pg_catalog.text[])),
    listed AS (
      SELECT r.prrelid, pg_catalog.array_agg(o.name) FILTER (WHERE pg_catalog.starts_with(o.name, {base} || '.rows')) AS rows,
             pg_catalog.bool_or(pg_catalog.starts_with(o.name, {base} || '.roots')) AS as_root,
             pg_catalog.bool_or(o.name = {all}) AS in_all,
             pg_catalog.array_agg(o.name) FILTER (WHERE {narrowed}) AS narrowed
      FROM pg_catalog.pg_publication_rel r JOIN ours o ON o.oid = r.prpubid GROUP BY r.prrelid),
    tables AS (
      SELECT c.oid, c.relname, c.relnamespace, c.relkind, c.relispartition, {usable} AS usable,
             l.rows, l.as_root, l.in_all, l.narrowed
      FROM pg_catalog.pg_class c LEFT JOIN listed l ON l.prrelid = c.oid
      WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384 AND {owned})
    SELECT t.oid, n.nspname, t.relname, need.what,
           CASE need.what WHEN 'no_rows' THEN t.rows ELSE t.narrowed END AS lists
    FROM tables t JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
    CROSS JOIN LATERAL (
      SELECT 'no_rows' AS what, 1 AS place WHERE t.relkind = 'r' AND t.rows IS NOT NULL AND NOT t.usable
      UNION ALL SELECT 'whole', 2 WHERE t.narrowed IS NOT NULL AND (t.usable OR t.rows IS NULL)
      UNION ALL SELECT 'rows', 3 WHERE t.relkind = 'r' AND t.rows IS NULL AND t.usable
      UNION ALL SELECT 'root', 4 WHERE {by_root} AND t.relkind = 'p' AND NOT t.relispartition AND t.as_root IS NOT TRUE
      UNION ALL SELECT 'inserts', 5 WHERE NOT {for_all} AND t.relkind = 'r' AND t.in_all IS NOT TRUE) need
    ORDER BY need.place, pg_catalog.random())",
      fmt::arg("names", quote_literal(text_array(names.every()))), fmt::arg("base", base),
      fmt::arg("all", quote_literal(names.all)), fmt::arg("narrowed", narrowed_sql(server_version)),
      fmt::arg("usable", usable_identity_sql()),
      fmt::arg("owned", kept.every_owner ? "true" : "pg_catalog.pg_has_role(c.relowner, 'USAGE')"),
      fmt::arg("by_root", !names.roots.empty()), fmt::arg("for_all", kept.for_all));
}

// A table is locked against ALTER TABLE from ADD TABLE on: what is found then stays so to the end
// of the transaction. Of eight lists one that no open transaction holds is taken, as the triggers
// do (ddl_trigger.cpp).
std::string reconcile_sql(const publication_upkeep& kept, int server_version) {
  return fmt::format(
      R"(DO $pulse$
DECLARE
  todo record;
  list text;
  failures int := 0;
  waited text := current_setting('lock_timeout');
BEGIN
  PERFORM set_config('lock_timeout', '200ms', false);
  FOR todo IN {misplaced} LOOP
    IF todo.what IN ('rows', 'root') THEN
      FOR k IN 1..{lists} LOOP
        list := {base} || CASE todo.what WHEN 'rows' THEN '.rows' ELSE '.roots' END || (todo.oid::bigint + k) % {lists} + 1;
        EXIT WHEN NOT {locks} OR pg_try_advisory_xact_lock(hashtext('pulse'), hashtext(list));
      END LOOP;
    ELSE
      list := {all};
    END IF;
    BEGIN
      IF todo.what IN ('no_rows', 'whole') THEN
        FOREACH list IN ARRAY todo.lists LOOP
          EXECUTE format('ALTER PUBLICATION %I DROP TABLE ONLY %s', list, todo.oid::regclass);
          IF todo.what = 'whole' THEN
            EXECUTE format('ALTER PUBLICATION %I ADD TABLE ONLY %s', list, todo.oid::regclass);
          END IF;
        END LOOP;
      ELSE
        EXECUTE format('ALTER PUBLICATION %I ADD TABLE ONLY %s', list, todo.oid::regclass);
        IF NOT EXISTS (SELECT 1 FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
                       WHERE r.prrelid = todo.oid AND p.pubname = list)
           OR todo.what = 'rows' AND NOT EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = todo.oid AND {usable}) THEN
          RAISE EXCEPTION 'it has been changed meanwhile';
        END IF;
      END IF;
    EXCEPTION WHEN OTHERS THEN failures := failures + 1;
    END;
    COMMIT;
    EXIT WHEN failures >= {failures};
  END LOOP;
  PERFORM set_config('lock_timeout', waited, false);
END $pulse$)",
      fmt::arg("misplaced", misplaced_sql(kept, server_version)),
      fmt::arg("failures", failures_max), fmt::arg("lists", lists_of_a_kind),
      fmt::arg("base", quote_literal(kept.names.base)),
      fmt::arg("all", quote_literal(kept.names.all)),
      fmt::arg("locks", server_version >= locks_publications_version_min),
      fmt::arg("usable", usable_identity_sql()));
}

misplaced_table::need need_of(const std::string& what) {
  using need = misplaced_table::need;
  if (what == "rows") return need::rows;
  if (what == "no_rows") return need::no_rows;
  if (what == "root") return need::root;
  return what == "inserts" ? need::inserts : need::whole;
}

}  // namespace

std::string misplaced_names(const std::vector<misplaced_table>& tables) {
  constexpr std::size_t named_max = 20;
  return first_names(tables, named_max, [](const auto& table) { return to_string(table.name); });
}

std::string usable_identity_sql() {
  return R"((
    (c.relreplident = 'f' AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_attribute a
                                          WHERE a.attrelid = c.oid AND a.attgenerated = 'v' AND NOT a.attisdropped))
    OR EXISTS (SELECT 1 FROM pg_catalog.pg_index i
               WHERE i.indrelid = c.oid AND i.indislive AND i.indisvalid AND i.indimmediate
                 AND ((c.relreplident = 'd' AND i.indisprimary) OR (c.relreplident = 'i' AND i.indisreplident))))
  )";
}

async_result<std::vector<misplaced_table>> find_misplaced(connection* database,
                                                          publication_upkeep kept) {
  const auto found = co_await database->query(misplaced_sql(kept, database->server_version()));
  if (!found) co_return wrap("comparing the publications with the tables", found.error());
  std::vector<misplaced_table> misplaced;
  for (const auto& row : found->rows()) {
    misplaced_table one;
    one.oid = number_in<std::uint32_t>(row[0]);
    one.name = {row[1].value_or(""), row[2].value_or("")};
    one.what = need_of(row[3].value_or(""));
    misplaced.push_back(std::move(one));
  }
  co_return misplaced;
}

async_result<reconciled> reconcile(connection* database, publication_upkeep kept) {
  const auto before = co_await find_misplaced(database, kept);
  if (!before) co_return before.error();
  reconciled made;
  if (before->empty()) co_return made;
  const auto moved = co_await database->query(reconcile_sql(kept, database->server_version()));
  if (!moved) co_return wrap("publishing the tables", moved.error());
  auto after = co_await find_misplaced(database, kept);
  if (!after) co_return after.error();
  made.left = std::move(after).value();
  for (const auto& table : *before) {
    if (std::ranges::find(made.left, table) == made.left.end()) made.done.push_back(table);
  }
  co_return made;
}

}  // namespace pulse::source
