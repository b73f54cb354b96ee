#include "control/origin_json.hpp"

#include <stdexcept>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/system/system_error.hpp>

namespace pulse::control {
namespace {

namespace json = boost::json;

json::object place(std::uint32_t timeline, lsn at) {
  return {{"timeline", timeline}, {"lsn", to_string(at)}};
}

lsn lsn_in(const json::object& from) {
  const auto& text = from.at("lsn").as_string();
  const auto at = parse_lsn(std::string_view(text.data(), text.size()));
  if (!at) throw std::invalid_argument("no LSN");
  return *at;
}

std::uint32_t number_in(const json::object& from, std::string_view name) {
  return from.at(name).to_number<std::uint32_t>();
}

std::string text_in(const json::object& from, std::string_view name) {
  return std::string(from.at(name).as_string());
}

position position_in(const json::object& from) {
  return {number_in(from, "timeline"), lsn_in(from), {}, 0};
}

}  // namespace

std::string to_json(const log_origin& whose) {
  json::array switches;
  for (const auto& past : whose.history.left)
    switches.push_back(place(past.timeline, past.switch_point));
  json::array left;
  for (const auto& one : whose.left) {
    left.push_back(json::object{{"database", one.database},
                                {"timelineBase", one.timeline_base},
                                {"mark", place(one.mark.timeline, one.mark.commit)}});
  }
  const json::object all{{"database", whose.database},
                         {"timelineBase", whose.timeline_base},
                         {"timelines", json::object{{"current", whose.history.current},
                                                    {"left", std::move(switches)}}},
                         {"begins", place(whose.begins.timeline, whose.begins.commit)},
                         {"left", std::move(left)}};
  return json::serialize(all);
}

result<log_origin> origin_from_json(std::string_view text) {
  try {
    const auto parsed = json::parse(text);
    const auto& all = parsed.as_object();
    log_origin whose;
    whose.database = text_in(all, "database");
    whose.timeline_base = number_in(all, "timelineBase");
    const auto& history = all.at("timelines").as_object();
    whose.history.current = number_in(history, "current");
    for (const auto& one : history.at("left").as_array()) {
      const auto& past = one.as_object();
      whose.history.left.push_back({number_in(past, "timeline"), lsn_in(past)});
    }
    whose.begins = position_in(all.at("begins").as_object());
    for (const auto& one : all.at("left").as_array()) {
      const auto& left = one.as_object();
      whose.left.push_back({text_in(left, "database"), number_in(left, "timelineBase"),
                            position_in(left.at("mark").as_object())});
    }
    return whose;
  } catch (const std::exception& why) {
    return error{errc::corrupt,
                 std::string("invalid source lineage in the state database: ") + why.what(),
                 "restore the data directory from a backup"};
  }
}

}  // namespace pulse::control
