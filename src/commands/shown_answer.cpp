#include "commands/shown_answer.hpp"

#include <cstdint>
#include <ctime>
#include <optional>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "base/shown_numbers.hpp"
#include "base/shown_text.hpp"

namespace pulse::commands {

namespace json = boost::json;

namespace {

// "2026-11-30T12:00:00.000Z".
std::optional<std::chrono::sys_seconds> parse_moment(const std::string& text) {
  std::tm fields{};
  const auto* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &fields);
  if (rest == nullptr || !text.ends_with('Z')) return std::nullopt;
  return std::chrono::sys_seconds(std::chrono::seconds(::timegm(&fields)));
}

std::string moment_text(const std::string& sent, std::chrono::sys_seconds now) {
  const auto at = parse_moment(sent);
  if (!at) return shown(sent);
  constexpr std::string_view form = "2026-11-30T12:00:00";
  auto whole = sent.substr(0, form.size());
  whole[whole.find('T')] = ' ';
  // The server's clock may be ahead of this one.
  if (*at > now) return whole + "Z";
  return fmt::format("{}Z ({} ago)", whole, shown_duration(now - *at));
}

bool is_true(const json::object& answer, const std::string& member) {
  const auto* value = answer.if_contains(member);
  return value != nullptr && value->is_bool() && value->get_bool();
}

}  // namespace

std::string exact_text(const json::object& answer, std::string_view member) {
  const auto* value = answer.if_contains(member);
  if (value == nullptr || value->is_null()) return "";
  return value->is_string() ? shown(value->get_string()) : json::serialize(*value);
}

std::string people_text(const json::object& answer, std::string_view member,
                        std::chrono::sys_seconds now) {
  const auto* value = answer.if_contains(member);
  if (value == nullptr) return "";
  if (member.ends_with("At") && value->is_string())
    return moment_text(std::string(value->get_string()), now);
  json::error_code no_count;
  const auto number = value->to_number<std::uint64_t>(no_count);
  if (no_count) return exact_text(answer, member);
  if (member.ends_with("Bytes")) return shown_bytes(number);
  if (member.ends_with("Seconds"))
    return shown_duration(std::chrono::seconds(static_cast<std::int64_t>(number)));
  const bool at_least = is_true(answer, fmt::format("{}AtLeast", member));
  return (at_least ? "at least " : "") + shown_count(number);
}

}  // namespace pulse::commands
