#include "control/published_json.hpp"

#include <exception>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace pulse::control {
namespace {

namespace json = boost::json;
using source::catalog_row;

json::array row_json(const catalog_row& row) {
  return {row.oid, row.writer};
}

catalog_row row_from(const json::value& from) {
  const auto& both = from.as_array();
  return {both.at(0).to_number<std::uint32_t>(), both.at(1).to_number<std::uint32_t>()};
}

std::string text_from(const json::value& from) {
  return std::string(from.as_string());
}

json::array place_json(const position& at) {
  return {at.timeline, at.commit.value, at.change.value, at.ordinal};
}

position place_from(const json::value& from) {
  const auto& parts = from.as_array();
  position at;
  at.timeline = parts.at(0).to_number<std::uint32_t>();
  at.commit.value = parts.at(1).to_number<std::uint64_t>();
  at.change.value = parts.at(2).to_number<std::uint64_t>();
  at.ordinal = parts.at(3).to_number<decltype(at.ordinal)>();
  return at;
}

json::array actions_json(const source::published_actions& actions) {
  return {actions[0], actions[1], actions[2], actions[3]};
}

source::published_actions actions_from(const json::value& from) {
  source::published_actions actions{};
  for (std::size_t i = 0; i < actions.size(); ++i) actions[i] = from.as_array().at(i).as_bool();
  return actions;
}

json::object state_json(const source::published_state& state) {
  json::array publications;
  for (const auto& one : state.publications) {
    json::array tables;
    for (const auto& entry : one.tables) {
      tables.push_back(json::array{row_json(entry.row), entry.table, entry.name.schema,
                                   entry.name.name, entry.partial, entry.partition});
    }
    publications.push_back(json::object{{"row", row_json(one.row)},
                                        {"name", one.name},
                                        {"forAllTables", one.for_all_tables},
                                        {"sends", actions_json(one.sends)},
                                        {"viaRoot", one.via_root},
                                        {"tables", std::move(tables)}});
  }
  json::array triggers;
  for (const auto& one : state.triggers) triggers.push_back(row_json(one));
  return {{"publications", std::move(publications)}, {"triggers", std::move(triggers)}};
}

source::published_state state_from(const json::object& from) {
  source::published_state state;
  for (const auto& value : from.at("publications").as_array()) {
    const auto& stored = value.as_object();
    source::publication_state one;
    one.row = row_from(stored.at("row"));
    one.name = text_from(stored.at("name"));
    one.for_all_tables = stored.at("forAllTables").as_bool();
    one.sends = actions_from(stored.at("sends"));
    one.via_root = stored.at("viaRoot").as_bool();
    for (const auto& entry_value : stored.at("tables").as_array()) {
      const auto& parts = entry_value.as_array();
      source::published_list_entry entry;
      entry.row = row_from(parts.at(0));
      entry.table = parts.at(1).to_number<std::uint32_t>();
      entry.name = {text_from(parts.at(2)), text_from(parts.at(3))};
      entry.partial = parts.at(4).as_bool();
      entry.partition = parts.size() > 5 && parts.at(5).as_bool();
      one.tables.push_back(std::move(entry));
    }
    state.publications.push_back(std::move(one));
  }
  for (const auto& value : from.at("triggers").as_array())
    state.triggers.push_back(row_from(value));
  return state;
}

json::object loss_json(const source::publication_loss& loss) {
  json::array tables;
  for (const auto& table : loss.what.tables)
    tables.push_back(json::array{table.oid, table.name.schema, table.name.name});
  json::object one{{"ofEveryTable", loss.what.of_every_table},
                   {"tables", std::move(tables)},
                   {"actions", actions_json(loss.what.actions)},
                   {"publicationGone", loss.what.publication_gone},
                   {"reason", loss.what.reason},
                   {"after", place_json(loss.after)}};
  if (loss.what.as_partition) one["asPartition"] = true;
  if (loss.over_before) one["overBefore"] = *loss.over_before;
  return one;
}

source::publication_loss loss_from(const json::object& from) {
  source::publication_loss loss;
  loss.what.of_every_table = from.at("ofEveryTable").as_bool();
  for (const auto& value : from.at("tables").as_array()) {
    const auto& parts = value.as_array();
    source::present_table table;
    table.oid = parts.at(0).to_number<std::uint32_t>();
    table.name = {text_from(parts.at(1)), text_from(parts.at(2))};
    loss.what.tables.push_back(std::move(table));
  }
  loss.what.actions = actions_from(from.at("actions"));
  loss.what.publication_gone = from.at("publicationGone").as_bool();
  loss.what.as_partition = from.contains("asPartition");
  loss.what.reason = text_from(from.at("reason"));
  loss.after = place_from(from.at("after"));
  if (const auto* over = from.if_contains("overBefore"))
    loss.over_before = over->to_number<std::uint64_t>();
  return loss;
}

}  // namespace

std::string to_json(const source::published_memory& known) {
  json::array open;
  for (const auto& loss : known.open) open.push_back(loss_json(loss));
  return json::serialize(json::object{
      {"state", state_json(known.state)}, {"at", place_json(known.at)}, {"open", std::move(open)}});
}

result<source::published_memory> published_from_json(std::string_view text) {
  try {
    const auto stored = json::parse(json::string_view(text.data(), text.size())).as_object();
    source::published_memory known;
    known.state = state_from(stored.at("state").as_object());
    known.at = place_from(stored.at("at"));
    for (const auto& value : stored.at("open").as_array())
      known.open.push_back(loss_from(value.as_object()));
    return known;
  } catch (const std::exception& problem) {
    return error{errc::corrupt,
                 std::string("the stored state of the publications is invalid: ") + problem.what(),
                 "alterations of publications since the last run are not noticed"};
  }
}

std::string place_to_json(const position& at) {
  return json::serialize(place_json(at));
}

result<position> place_from_json(std::string_view text) {
  try {
    return place_from(json::parse(json::string_view(text.data(), text.size())));
  } catch (const std::exception& problem) {
    return error{errc::corrupt, std::string("invalid position: ") + problem.what(), {}};
  }
}

}  // namespace pulse::control
