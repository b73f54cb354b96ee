// One column, one filter, one row: what table-driven tests of filters are made of.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "change/type_catalog.hpp"
#include "filters/filter.hpp"

namespace pulse::filters::testing {

// A row of columns as pgoutput sends it; none: NULL.
inline std::string tuple_of(const std::vector<std::optional<std::string>>& values) {
  std::string tuple;
  append_big(tuple, static_cast<std::uint16_t>(values.size()));
  for (const auto& value : values) {
    tuple += value ? 't' : 'n';
    if (!value) continue;
    append_big(tuple, static_cast<std::uint32_t>(value->size()));
    tuple += *value;
  }
  return tuple;
}

inline column column_of(std::string name, std::uint32_t type_oid, bool in_identity = false) {
  column made;
  made.name = std::move(name);
  made.type = *type_catalog().resolve(type_oid, -1);
  made.in_identity = in_identity;
  return made;
}

inline requests::model model_of(const relation& table) {
  requests::model made{"Row", table.table.name, table.table.schema, {}};
  for (const auto& one : table.columns)
    made.fields.push_back({one.name, one.name, one.type.name, one.type.is_list, nullptr});
  return made;
}

inline collation libc_collation(const std::string& locale) {
  return {950, locale, collation_provider::libc, locale, locale, "", "", true};
}

inline collation icu_collation(const std::string& locale, bool deterministic = true) {
  return {951, "icu " + locale, collation_provider::icu, locale, locale, "", "", deterministic};
}

// A table of one column `v`.
struct one_column {
  relation table;
  table_facts facts;

  explicit one_column(std::uint32_t type_oid, const collation& by = libc_collation("C.UTF-8")) {
    table.table = {"public", "rows"};
    table.columns.push_back(column_of("v", type_oid, true));
    facts.encoding = "UTF8";
    facts.database = by;
    auto& column = facts.columns["v"];
    if (table.columns[0].type.kind == value_kind::text) column.collated_by = by;
  }

  result<std::shared_ptr<const filter>> compile(std::string_view condition) const {
    requests::wanted_events wanted;
    wanted.create = boost::json::parse(R"({"v":)" + std::string(condition) + "}").as_object();
    return compile_filter(wanted, model_of(table), {&table, &facts});
  }

  // "yes", "no", "undecided", or the refusal.
  std::string judge(std::string_view condition, const std::optional<std::string>& value) const {
    const auto compiled = compile(condition);
    if (!compiled) return compiled.error().what;
    const auto tuple = tuple_of({value});
    event_view event;
    event.action = change_action::create;
    event.after = tuple_view::trusted(as_byte_view(tuple));
    switch ((*compiled)->judge(event)) {
      case filter_verdict::no:
        return "no";
      case filter_verdict::yes:
        return "yes";
      case filter_verdict::undecided:
        return "undecided";
    }
    return {};
  }
};

}  // namespace pulse::filters::testing
