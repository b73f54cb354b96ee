#include "server/events/wait_request.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "requests/json_members.hpp"
#include "requests/native_request.hpp"
#include "server/http/query_string.hpp"

namespace pulse::server {
namespace {

constexpr std::array<std::string_view, 5> wait_parameters{"xid", "lsn", "name", "table", "wait"};
constexpr std::string_view lsn_now = "now";
// PostgreSQL keeps lower ones for itself (manual, section 74.1).
constexpr std::uint64_t xid_min = 3;

result<std::uint64_t> read_xid(std::string_view text) {
  const auto place = requests::request_place::of_query("xid");
  const auto xid = requests::count_of(text, place);
  if (!xid || *xid < xid_min)
    return place.wrong("is not a transaction's id",
                       "give the number that SELECT pg_current_xact_id() returned in the "
                       "transaction that wrote");
  return *xid;
}

result<void> read_what(const query_string& query, wait_request& wanted) {
  const auto* xid = query.find("xid");
  const auto* at = query.find("lsn");
  if ((xid == nullptr) == (at == nullptr))
    return error{errc::invalid_argument, "the query must have one of 'xid' and 'lsn'",
                 "give xid=… (pg_current_xact_id() of the transaction that wrote), lsn=… "
                 "(pg_current_wal_lsn() after its COMMIT), or lsn=now"};
  if (xid != nullptr) {
    const auto id = read_xid(xid->value);
    if (!id) return id.error();
    wanted.xid = *id;
    return {};
  }
  wanted.now = at->value == lsn_now;
  if (wanted.now) return {};
  wanted.at = parse_lsn(at->value);
  if (!wanted.at)
    return requests::request_place::of_query("lsn").wrong(
        "is not an LSN", "write it as PostgreSQL does, 0/16B3748, or lsn=now");
  return {};
}

result<void> read_stream(const query_string& query, wait_request& wanted) {
  const auto* name = query.find("name");
  const auto* table = query.find("table");
  if (name == nullptr && table == nullptr) return {};
  if (name == nullptr || table == nullptr || name->value.empty())
    return error{errc::invalid_argument, "the query has only one of 'name' and 'table'",
                 "give both for a stream that must have acknowledged, or none"};
  const auto name_place = requests::request_place::of_query("name");
  if (name->value.size() > requests::stream_name_bytes_max)
    return name_place.wrong(
        fmt::format("is longer than {} bytes", requests::stream_name_bytes_max));
  const auto place = requests::request_place::of_query("table");
  auto model = requests::table_of(table->value, place);
  if (!model) return model.error();
  auto stream = requests::native_request(std::move(*model), nullptr, place);
  if (!stream) return stream.error();
  stream->name = name->value;
  wanted.stream = std::move(*stream);
  return {};
}

result<void> read_longest(const query_string& query, wait_request& wanted) {
  const auto* given = query.find("wait");
  if (given == nullptr) return {};
  const auto place = requests::request_place::of_query("wait");
  const auto longest = requests::duration_of(given->value, place);
  if (!longest) return longest.error();
  if (*longest > wait_max)
    return place.wrong(fmt::format("is longer than {} s", wait_max.count()), "ask again instead");
  wanted.longest = *longest;
  return {};
}

}  // namespace

result<wait_request> parse_wait(std::string_view target) {
  const auto query = query_string::of_target(target);
  if (!query)
    return error{errc::invalid_argument, "the query has a broken escape",
                 "encode % as %25 and other bytes as %XX"};
  wait_request wanted;
  if (auto known = check_parameters(*query, wait_parameters); !known) return known.error();
  if (auto read = read_what(*query, wanted); !read) return read.error();
  if (auto read = read_stream(*query, wanted); !read) return read.error();
  if (auto read = read_longest(*query, wanted); !read) return read.error();
  return wanted;
}

}  // namespace pulse::server
