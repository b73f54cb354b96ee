#include "streams/lease_text.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace pulse::streams {
namespace {

namespace json = boost::json;

constexpr int text_version = 1;
constexpr std::size_t hash_text_size = 64;

error damaged(std::string_view what) {
  return {errc::corrupt, "the stored lease is damaged: " + std::string(what), ""};
}

std::optional<std::int64_t> whole_number(const json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  if (found == nullptr || !found->is_int64()) return std::nullopt;
  return found->get_int64();
}

std::optional<event_id> id_of(const json::value& value) {
  if (!value.is_string()) return std::nullopt;
  return parse_event_id(value.get_string());
}

std::optional<outstanding_event> outstanding_of(const json::value& value) {
  if (!value.is_array() || value.get_array().size() != 2) return std::nullopt;
  const auto& pair = value.get_array();
  const auto id = id_of(pair[0]);
  if (!id || !pair[1].is_int64()) return std::nullopt;
  const auto attempts = pair[1].get_int64();
  if (attempts < 1 || attempts > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return outstanding_event{*id, static_cast<std::uint32_t>(attempts)};
}

// False: one of them is no such thing.
template <class T, class Read>
bool read_list(const json::object& object, std::string_view name, Read read, std::vector<T>& to) {
  const auto* found = object.if_contains(name);
  if (found == nullptr) return true;
  if (!found->is_array()) return false;
  for (const auto& value : found->get_array()) {
    const auto one = read(value);
    if (!one) return false;
    to.push_back(*one);
  }
  return true;
}

result<void> read_holder(const json::object& object, stored_lease& lease) {
  const auto* token = object.if_contains("token");
  if (token == nullptr) return {};
  if (!token->is_string() || token->get_string().size() != hash_text_size)
    return damaged("`token` is no SHA-256");
  lease.token_hash = token->get_string();
  const auto since = whole_number(object, "since");
  const auto expires = whole_number(object, "expires");
  const auto length = whole_number(object, "length");
  if (!since || !expires || !length || *length <= 0)
    return damaged("`since`, `expires` or `length` is no number");
  lease.since = unix_time_us(std::chrono::microseconds(*since));
  lease.expires_at = unix_time_us(std::chrono::microseconds(*expires));
  lease.length = std::chrono::seconds(*length);
  return {};
}

}  // namespace

std::string to_text(const stored_lease& lease) {
  if (lease.token_hash.empty() && lease.acknowledged.empty()) return {};
  json::object object{{"version", text_version}};
  if (!lease.token_hash.empty()) {
    object["token"] = lease.token_hash;
    object["since"] = lease.since.time_since_epoch().count();
    object["expires"] = lease.expires_at.time_since_epoch().count();
    object["length"] = lease.length.count();
    json::array outstanding;
    for (const auto& [id, attempts] : lease.outstanding)
      outstanding.push_back(json::array{to_string(id), attempts});
    object["outstanding"] = std::move(outstanding);
  }
  json::array acknowledged;
  for (const auto& id : lease.acknowledged) acknowledged.emplace_back(to_string(id));
  object["acknowledged"] = std::move(acknowledged);
  return json::serialize(object);
}

result<stored_lease> parse_lease(std::string_view text) {
  stored_lease lease;
  if (text.empty()) return lease;
  json::error_code failure;
  const auto parsed = json::parse(text, failure);
  if (failure || !parsed.is_object()) return damaged("it is no JSON object");
  const auto& object = parsed.get_object();
  if (whole_number(object, "version") != text_version) return damaged("its version is unknown");
  if (const auto held = read_holder(object, lease); !held) return held.error();
  if (!read_list(object, "outstanding", outstanding_of, lease.outstanding) ||
      !std::ranges::is_sorted(lease.outstanding, std::less_equal<>(), &outstanding_event::id))
    return damaged("`outstanding` is no list of rising ids with their attempts");
  if (!read_list(object, "acknowledged", id_of, lease.acknowledged))
    return damaged("`acknowledged` is no list of ids");
  return lease;
}

}  // namespace pulse::streams
