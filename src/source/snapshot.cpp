#include "source/snapshot.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

namespace pulse::source {
namespace {

// From 13 on; before, the same under another name.
constexpr int current_snapshot_server_version_min = 130000;

error no_snapshot(std::string_view text) {
  return {errc::protocol,
          "PostgreSQL answered '" + std::string(text.substr(0, 80)) + "' for its snapshot",
          "report this with PostgreSQL's version"};
}

// The number in front of `end`, and `text` goes on behind that.
std::optional<std::uint64_t> take_number(std::string_view& text, char end) {
  std::uint64_t number = 0;
  const auto digits = text.substr(0, text.find(end));
  const auto [stopped, failure] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (failure != std::errc() || stopped != digits.data() + digits.size()) return std::nullopt;
  text.remove_prefix(std::min(digits.size() + 1, text.size()));
  return number;
}

}  // namespace

// Of all numbers with these low bits the one nearest to xmax: transactions that are not frozen are
// less than 2^31 apart (manual, section 25.1.5).
std::uint64_t snapshot::widen(std::uint32_t xid) const {
  const auto distance = static_cast<std::int32_t>(xid - static_cast<std::uint32_t>(xmax));
  return xmax + static_cast<std::uint64_t>(static_cast<std::int64_t>(distance));
}

bool snapshot::sees(std::uint32_t xid) const {
  return has_ended(widen(xid));
}

bool snapshot::has_ended(std::uint64_t xid) const {
  if (xid >= xmax) return false;
  return xid < xmin || !std::ranges::binary_search(in_progress, xid);
}

bool snapshot::all_ended_through(std::uint32_t xid) const {
  return widen(xid) < xmin;
}

result<snapshot> parse_snapshot(std::string_view text) {
  auto rest = text;
  snapshot found;
  const auto xmin = take_number(rest, ':');
  const auto xmax = take_number(rest, ':');
  if (!xmin || !xmax || *xmin > *xmax || std::ranges::count(text, ':') != 2)
    return no_snapshot(text);
  found.xmin = *xmin;
  found.xmax = *xmax;
  while (!rest.empty()) {
    const auto xid = take_number(rest, ',');
    if (!xid) return no_snapshot(text);
    found.in_progress.push_back(*xid);
  }
  std::ranges::sort(found.in_progress);
  return found;
}

async_result<snapshot> read_snapshot(connection* database) {
  const bool renamed = database->server_version() >= current_snapshot_server_version_min;
  const std::string question = renamed ? "SELECT pg_catalog.pg_current_snapshot()"
                                       : "SELECT pg_catalog.txid_current_snapshot()";
  const auto found = co_await database->query(question);
  if (!found) co_return wrap("asking for a snapshot", found.error());
  co_return parse_snapshot(found->value(0));
}

async_result<snapshot> read_snapshot_and_end(connection* database) {
  const bool renamed = database->server_version() >= current_snapshot_server_version_min;
  const std::string question =
      renamed ? "SELECT pg_catalog.pg_current_snapshot(), pg_catalog.pg_current_xact_id()"
              : "SELECT pg_catalog.txid_current_snapshot(), pg_catalog.txid_current()";
  const auto found = co_await database->query(question);
  if (!found) co_return wrap("asking for a snapshot and a transaction's id", found.error());
  auto seen = parse_snapshot(found->value(0));
  if (!seen) co_return seen;
  const auto id = found->value(1);
  std::string_view rest = id;
  const auto end = take_number(rest, ':');
  if (!end) co_return no_snapshot(id);
  seen->begun_before = *end;
  co_return seen;
}

}  // namespace pulse::source
