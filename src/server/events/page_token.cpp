#include "server/events/page_token.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/base64.hpp"
#include "base/bytes.hpp"
#include "log/crc32c.hpp"

namespace pulse::server {
namespace {

// "p", the version of the form, and a dot; then in base64url: a tag of the project, the position,
// the gaps, and a checksum of all of it with the prefix. Big-endian.
constexpr std::string_view token_prefix = "p1.";
constexpr std::size_t tag_bytes = 4;
constexpr std::size_t position_bytes = 4 + 8 + 8 + 4;
constexpr std::size_t checksum_bytes = 4;
constexpr std::size_t fixed_bytes = tag_bytes + position_bytes + checksum_bytes;
constexpr std::size_t token_bytes_max = 4 * (fixed_bytes + 8 * accepted_gaps_max);

std::uint32_t checksum(std::string_view bytes) {
  return log::crc32c(as_byte_view(bytes), log::crc32c(as_byte_view(token_prefix)));
}

std::uint32_t tag_of(std::string_view project) {
  return log::crc32c(as_byte_view(project));
}

template <class Number>
Number take(std::string_view& bytes) {
  const auto number = load_big<Number>(as_byte_view(bytes).data());
  bytes.remove_prefix(sizeof number);
  return number;
}

error bad_token(std::string_view problem, std::string next) {
  return {errc::invalid_argument, fmt::format("this `next` token {}", problem), std::move(next)};
}

}  // namespace

std::string make_token(const page_place& place, std::string_view project) {
  std::string bytes;
  append_big(bytes, tag_of(project));
  append_big(bytes, place.at.timeline);
  append_big(bytes, place.at.commit.value);
  append_big(bytes, place.at.change.value);
  append_big(bytes, place.at.ordinal);
  const auto& gaps = place.accepted_gaps;
  const auto left_out = gaps.size() - std::min(gaps.size(), accepted_gaps_max);
  for (std::size_t i = left_out; i < gaps.size(); ++i) append_big(bytes, gaps[i]);
  append_big(bytes, checksum(bytes));
  return std::string(token_prefix) + to_base64url(bytes);
}

bool is_token(std::string_view text) {
  return text.size() > 2 && text[0] == 'p' && text.find('.') != std::string_view::npos;
}

result<page_place> read_token(std::string_view text, std::string_view project) {
  constexpr auto* again = "send `next` as the answer had it";
  if (!text.starts_with(token_prefix))
    return bad_token("is of another version of Pulse", "begin with an event id or a time");
  if (text.size() > token_bytes_max) return bad_token("is damaged", again);
  const auto decoded = decode_base64url(text.substr(token_prefix.size()));
  if (!decoded || decoded->size() < fixed_bytes || (decoded->size() - fixed_bytes) % 8 != 0)
    return bad_token("is damaged", again);
  auto rest = std::string_view(*decoded);
  auto sum = rest.substr(rest.size() - checksum_bytes);
  rest.remove_suffix(checksum_bytes);
  if (checksum(rest) != take<std::uint32_t>(sum)) return bad_token("is damaged", again);
  if (take<std::uint32_t>(rest) != tag_of(project)) {
    return bad_token("is of another project",
                     "use tokens with an API key of the project that they come from");
  }
  page_place place;
  place.at.timeline = take<std::uint32_t>(rest);
  place.at.commit = lsn{take<std::uint64_t>(rest)};
  place.at.change = lsn{take<std::uint64_t>(rest)};
  place.at.ordinal = take<std::uint32_t>(rest);
  while (!rest.empty()) place.accepted_gaps.push_back(take<std::uint64_t>(rest));
  return place;
}

}  // namespace pulse::server
