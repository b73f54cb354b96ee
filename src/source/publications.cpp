#include "source/publications.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pulse::source {
namespace {

constexpr std::size_t publication_name_bytes_max = 63;
constexpr std::string_view longest_ending = ".roots8";
constexpr int skips_missing_publications_version_min = 180000;

enum class publication_kind { all, rows, roots, old };

publication_kind kind_of(const publication_names& ours, const std::string& name) {
  if (name == ours.all) return publication_kind::all;
  if (name == ours.old) return publication_kind::old;
  return std::ranges::find(ours.rows, name) == ours.rows.end() ? publication_kind::roots
                                                               : publication_kind::rows;
}

// Stored generated columns are values like others; before 18 they are not published.
std::string options_of(publication_kind what, int server_version) {
  std::string options = what == publication_kind::rows ? "publish = 'update, delete'"
                                                       : "publish = 'insert, truncate'";
  if (server_version >= roots_version_min) {
    options += what == publication_kind::roots ? ", publish_via_partition_root = true"
                                               : ", publish_via_partition_root = false";
  }
  if (server_version >= 180000) options += ", publish_generated_columns = stored";
  return options;
}

// As JSON, a row can be asked for a column that its version does not have.
constexpr const char* publications_sql = R"(
  SELECT p.pubname, p.puballtables, pg_catalog.pg_has_role(p.pubowner, 'USAGE'),
         p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate,
         pg_catalog.to_jsonb(p)->>'pubviaroot', pg_catalog.to_jsonb(p)->>'pubgencols'
  FROM pg_catalog.pg_publication p WHERE p.pubname = ANY ($1::pg_catalog.text[]))";

bool has_flags(publication_kind what, const query_rows::row& row) {
  if (what == publication_kind::old) return true;
  const bool rows = what == publication_kind::rows;
  const auto& by_root = row[7];
  const auto& generated = row[8];
  return (row[3] == "t") == !rows && (row[4] == "t") == rows && (row[5] == "t") == rows &&
         (row[6] == "t") == !rows &&
         (!by_root || (*by_root == "true") == (what == publication_kind::roots)) &&
         (!generated || *generated == "s");
}

}  // namespace

finding accomplished(std::string what) {
  return {severity::ok, std::move(what), {}, {}};
}

std::vector<std::string> publication_names::every() const {
  auto names = roots;
  names.push_back(all);
  names.insert(names.end(), rows.begin(), rows.end());
  return names;
}

publication_names publications_of(const source_names& names, int server_version) {
  publication_names ours;
  ours.old = names.publication;
  ours.base = names.publication.substr(0, publication_name_bytes_max - longest_ending.size());
  ours.all = ours.base + ".all";
  for (int list = 1; list <= lists_of_a_kind; ++list) {
    ours.rows.push_back(fmt::format("{}.rows{}", ours.base, list));
    if (server_version >= roots_version_min)
      ours.roots.push_back(fmt::format("{}.roots{}", ours.base, list));
  }
  return ours;
}

std::string narrowed_sql(int server_version) {
  constexpr int filters_version_min = 150000;
  return server_version >= filters_version_min ? "(r.prqual IS NOT NULL OR r.prattrs IS NOT NULL)"
                                               : "false";
}

std::string text_array(const std::vector<std::string>& names) {
  std::string array = "{";
  for (const auto& name : names) {
    array += array.size() == 1 ? "\"" : ",\"";
    for (const char c : name) {
      if (c == '"' || c == '\\') array += '\\';
      array += c;
    }
    array += '"';
  }
  return array + '}';
}

async_result<std::vector<publication_row>> read_publications(connection* database,
                                                             publication_names ours) {
  auto names = ours.every();
  names.push_back(ours.old);
  const auto found = co_await database->query(publications_sql, with(text_array(names)));
  if (!found) co_return wrap("reading the publications", found.error());
  std::vector<publication_row> there;
  for (const auto& row : found->rows()) {
    publication_row one;
    one.name = row[0].value_or("");
    one.for_all_tables = row[1] == "t";
    one.changeable = row[2] == "t";
    one.has_its_flags = has_flags(kind_of(ours, one.name), row);
    there.push_back(std::move(one));
  }
  co_return there;
}

async_result<> make_publications(connection* database, publication_names ours,
                                 std::vector<publication_row> there, bool for_all,
                                 std::vector<finding>* report) {
  const int version = database->server_version();
  // All that are missing in one transaction: half a set would be taken for all of it.
  std::string create;
  std::string made;
  for (const auto& name : ours.every()) {
    const auto found = std::ranges::find(there, name, &publication_row::name);
    const auto what = kind_of(ours, name);
    const auto options = options_of(what, version);
    if (found == there.end()) {
      create +=
          fmt::format("CREATE PUBLICATION {}{} WITH ({});", quote_identifier(name),
                      what == publication_kind::all && for_all ? " FOR ALL TABLES" : "", options);
      made += (made.empty() ? "" : ", ") + name;
    } else if (!found->has_its_flags && found->changeable) {
      auto altered = co_await database->query(
          fmt::format("BEGIN; SET LOCAL lock_timeout = '200ms'; ALTER PUBLICATION {} SET ({}); "
                      "COMMIT",
                      quote_identifier(name), options));
      if (!altered) {
        co_await database->query("ROLLBACK");
        co_return wrap("setting publication " + name + " right", altered.error());
      }
      report->push_back({severity::warning,
                         fmt::format("corrected publication {}: {}", name, options),
                         "somebody had altered it",
                         {}});
    }
  }
  if (create.empty()) co_return result<void>();
  if (auto created = co_await database->query("BEGIN; " + create + " COMMIT"); !created) {
    co_await database->query("ROLLBACK");
    co_return wrap("making the publications", created.error());
  }
  report->push_back({severity::ok, "made the publications " + made, {}, {}});
  co_return result<void>();
}

std::vector<std::string> publications_to_stream(const publication_names& ours,
                                                const std::vector<publication_row>& there,
                                                bool upgrading, int server_version) {
  std::vector<std::string> names;
  const auto is_there = [&](const std::string& name) {
    return std::ranges::find(there, name, &publication_row::name) != there.end();
  };
  if (upgrading && is_there(ours.old)) names.push_back(ours.old);
  if (!names.empty() && server_version < skips_missing_publications_version_min) return names;
  for (const auto& name : ours.every()) {
    if (is_there(name)) names.push_back(name);
  }
  return names;
}

}  // namespace pulse::source
