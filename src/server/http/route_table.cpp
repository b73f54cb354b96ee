#include "server/http/route_table.hpp"

#include <algorithm>
#include <utility>

#include <boost/assert.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "base/nearest_name.hpp"

namespace pulse::server {
namespace {

// Of a path that is compared with those that there are.
constexpr std::size_t compared_path_bytes_max = 200;

bool answers_method(const route& row, std::string_view method) {
  return row.method == method || (method == "HEAD" && row.method == "GET" && !row.open);
}

}  // namespace

std::string allowed_methods(const std::vector<const route*>& rows) {
  std::string allowed;
  for (const auto* row : rows) {
    if (!allowed.empty()) allowed += ", ";
    allowed += row->method;
    if (row->method == "GET" && !row->open) allowed += ", HEAD";
  }
  return allowed;
}

void route_table::add(route row) {
  BOOST_ASSERT((row.handle == nullptr) != (row.open == nullptr));
  rows_.push_back(std::move(row));
}

void route_table::add_schema(std::string_view name, std::string_view schema) {
  schemas_.emplace(name, boost::json::parse(schema));
}

boost::system::result<route_match, refusal> route_table::find(surface where,
                                                              std::string_view method,
                                                              std::string_view path) const {
  const auto segments = path_segments(path);
  std::vector<const route*> same_path;
  for (const auto& row : rows_) {
    if (row.is_on(where) && row.path.matches(segments)) same_path.push_back(&row);
  }
  if (same_path.empty()) return nothing_at(where, path, segments);
  const auto found = std::ranges::find_if(
      same_path, [&](const route* row) { return answers_method(*row, method); });
  if (found == same_path.end()) {
    auto allowed = allowed_methods(same_path);
    refusal no{405, pulse_code::server_error, fmt::format("this path is not for {}", method),
               "it answers " + allowed};
    no.allow = std::move(allowed);
    return no;
  }
  auto values = (*found)->path.read(segments);
  if (!values) return refuse(values.error());
  path_parameters parameters;
  for (std::size_t i = 0; i < values->size(); ++i)
    parameters.emplace_back((*found)->path.parameters()[i], std::move((*values)[i]));
  return route_match{*found, std::move(parameters)};
}

refusal route_table::nothing_at(surface where, std::string_view path,
                                const std::vector<std::string_view>& segments) const {
  refusal no{404, pulse_code::server_error, "there is nothing at this path",
             "see /openapi.json for what there is"};
  const auto is_elsewhere = [&](const route& row) {
    return !row.is_on(where) && row.path.matches(segments);
  };
  if (std::ranges::any_of(rows_, is_elsewhere)) {
    no.details = where == surface::admin
                     ? "it is served on the other address, for applications (--listen)"
                     : "it is served on the other address, for operators (--admin-listen)";
    return no;
  }
  if (path.size() > compared_path_bytes_max) return no;
  std::vector<std::string> known;
  std::vector<const route*> rows;
  for (const auto& row : rows_) {
    if (!row.is_on(where)) continue;
    known.push_back(row.path.filled_with(segments));
    rows.push_back(&row);
  }
  const auto near = nearest_name(path, known);
  if (near.empty()) return no;
  const auto index = std::ranges::find(known, near) - known.begin();
  no.details =
      "did you mean " + rows[static_cast<std::size_t>(index)]->path.text() + "? " + no.details;
  return no;
}

}  // namespace pulse::server
