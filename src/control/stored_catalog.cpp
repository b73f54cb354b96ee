#include "control/stored_catalog.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "control/catalog_json.hpp"

namespace pulse::control {
namespace {

// Of one project.
class catalog_writer {
 public:
  static result<catalog_writer> prepare(const sqlite_database& database, std::string_view project) {
    auto put = database.prepare(
        "INSERT INTO catalogs (project, kind, oid, value) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (project, kind, oid) DO UPDATE SET value = excluded.value");
    if (!put) return put.error();
    auto remove =
        database.prepare("DELETE FROM catalogs WHERE project = ? AND kind = ? AND oid = ?");
    if (!remove) return remove.error();
    return catalog_writer(project, std::move(*put), std::move(*remove));
  }

  result<void> put(catalog_piece kind, std::uint32_t oid, const std::string& value) {
    return put_.bind(project_).bind(number(kind)).bind(std::int64_t{oid}).bind(value).run();
  }

  result<void> remove(catalog_piece kind, std::uint32_t oid) {
    return remove_.bind(project_).bind(number(kind)).bind(std::int64_t{oid}).run();
  }

  // Pieces by OID, as pointers to what they are.
  template <class Piece>
  result<void> put_changes(catalog_piece kind, const std::map<std::uint32_t, const Piece*>& before,
                           const std::map<std::uint32_t, const Piece*>& now) {
    for (const auto& [oid, piece] : before) {
      if (now.contains(oid)) continue;
      if (auto removed = remove(kind, oid); !removed) return removed;
    }
    for (const auto& [oid, piece] : now) {
      const auto known = before.find(oid);
      if (known != before.end() && *known->second == *piece) continue;
      if (auto written = put(kind, oid, piece_to_json(*piece)); !written) return written;
    }
    return {};
  }

 private:
  catalog_writer(std::string_view project, statement put, statement remove)
      : project_(project), put_(std::move(put)), remove_(std::move(remove)) {}

  static std::int64_t number(catalog_piece kind) { return static_cast<std::int64_t>(kind); }

  std::string_view project_;
  statement put_;
  statement remove_;
};

std::map<std::uint32_t, const catalog_table*> tables_by_oid(const catalog& known) {
  std::map<std::uint32_t, const catalog_table*> by_oid;
  for (const auto& table : known.tables) by_oid.emplace(table.oid, &table);
  return by_oid;
}

template <class Piece>
std::map<std::uint32_t, const Piece*> by_oid(const std::map<std::uint32_t, Piece>& pieces) {
  std::map<std::uint32_t, const Piece*> found;
  for (const auto& [oid, piece] : pieces) found.emplace_hint(found.end(), oid, &piece);
  return found;
}

}  // namespace

result<std::shared_ptr<const catalog>> read_catalog(const sqlite_database& database,
                                                    std::string_view project) {
  auto select = database.prepare("SELECT kind, value FROM catalogs WHERE project = ?");
  if (!select) return select.error();
  select->bind(project);
  std::shared_ptr<catalog> known;
  for (;;) {
    const auto row = select->step();
    if (!row) return row.error();
    if (!*row) break;
    if (!known) known = std::make_shared<catalog>();
    const auto kind = static_cast<catalog_piece>(select->number(0));
    if (auto added = add_piece(*known, kind, select->text(1)); !added) return added.error();
  }
  if (known) std::ranges::sort(known->tables, {}, &catalog_table::name);
  return std::shared_ptr<const catalog>(std::move(known));
}

result<void> write_catalog(const sqlite_database& database, std::string_view project,
                           const catalog* before, const catalog& now) {
  const catalog nothing;
  if (before == nullptr) {
    auto clear = database.prepare("DELETE FROM catalogs WHERE project = ?");
    if (!clear) return clear.error();
    if (auto cleared = clear->bind(project).run(); !cleared) return cleared;
  }
  const auto& known = before == nullptr ? nothing : *before;
  auto writer = catalog_writer::prepare(database, project);
  if (!writer) return writer.error();
  if (auto written =
          writer->put_changes(catalog_piece::table, tables_by_oid(known), tables_by_oid(now));
      !written) {
    return written;
  }
  if (auto written = writer->put_changes(catalog_piece::type, by_oid(known.types.entries()),
                                         by_oid(now.types.entries()));
      !written) {
    return written;
  }
  if (auto written = writer->put_changes(catalog_piece::collation, by_oid(known.collations),
                                         by_oid(now.collations));
      !written) {
    return written;
  }
  const auto itself = database_to_json(now);
  if (before != nullptr && database_to_json(known) == itself) return {};
  return writer->put(catalog_piece::database, 0, itself);
}

}  // namespace pulse::control
