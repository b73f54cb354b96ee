// A filter of arbitrary JSON over a table with a column of every kind, scalar and list: it is
// refused, or judges any row that the server can send, twice alike.
#include "filters/filter.hpp"

#include <cstdlib>
#include <string>

#include <boost/json/parse.hpp>

#include "requests/request.hpp"
#include "tests/fuzz/every_kind.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace pulse;

// The `where` travels in a whole request, so that its limits hold.
result<requests::stream_request> request_with(std::string_view where) {
  std::string header = R"({"modelName":"every_kind","model":{"fields":[)";
  for (const auto& column : fuzz::table_of_every_kind()->columns) {
    if (!header.ends_with('[')) header += ',';
    header += R"({"name":")" + column.name + R"(","kind":"scalar","type":"x"})";
  }
  header += R"(]},"where":)";
  header += where;
  header += '}';
  return requests::parse_request(requests::stream_mode::stream, header, "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input bytes(data, size);
  const auto request = request_with(bytes.take_line());
  if (!request) return 0;
  const auto& table = *fuzz::table_of_every_kind();
  const auto filter = filters::compile_filter(request->wanted, request->model, {&table, nullptr});
  // What cannot be compiled may have fitted an earlier version of the table.
  const auto followed = filters::follow_filter(request->wanted, request->model, {&table, nullptr});
  if (!filter) return 0;
  fuzz::rows rows(bytes);
  for (const auto action : {change_action::create, change_action::update, change_action::remove}) {
    for (const auto kind : {old_row_kind::none, old_row_kind::key, old_row_kind::full}) {
      const auto event = rows.event(action, kind);
      if ((*filter)->judge(event) != followed->judge(event)) std::abort();
    }
  }
  return 0;
}
