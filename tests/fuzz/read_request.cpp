// Requests for pages of events: what is no request is refused and must not crash, and a token that
// is taken means the same when it is written again. Input: a line with the target's query, and
// behind it the body; both are read as `accept`, too.
#include "server/events/read_request.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "server/events/page_answer.hpp"
#include "tests/fuzz/input.hpp"

namespace {

void check(const pulse::result<pulse::server::read_request>& asked) {
  if (!asked) return;
  if (asked->tables.empty() || asked->tables.size() > pulse::server::page_tables_max) std::abort();
  if (asked->bytes_max > pulse::server::page_bytes_max) std::abort();
  const auto* place = std::get_if<pulse::server::page_place>(&asked->after);
  if (place == nullptr || place->accepted_gaps.size() > pulse::server::accepted_gaps_max) return;
  const auto again = pulse::server::read_token(pulse::server::make_token(*place, "shop"), "shop");
  if (!again || *again != *place) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pulse::fuzz::input input(data, size);
  const auto query = "/v1/events?" + std::string(input.take_line());
  const auto body = input.rest_as_text();
  check(pulse::server::read_page_query(query, {}, "shop"));
  check(pulse::server::read_page_body(body, "shop"));
  static_cast<void>(pulse::server::accepted_form(query));
  static_cast<void>(pulse::server::accepted_form(body));
  return 0;
}
