// All routes of both addresses.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>
#include <boost/system/result.hpp>

#include "server/http/http_exchange.hpp"
#include "server/http/route.hpp"

namespace pulse::server {

struct route_match {
  const route* row;
  path_parameters parameters;
};

// Filled once, then immutable.
class route_table {
 public:
  // No two rows may answer the same request: patterns are alike in every letter, or no path matches
  // both.
  void add(route row);
  // A JSON Schema that rows and other schemas call "#Name".
  void add_schema(std::string_view name, std::string_view schema);

  const std::deque<route>& rows() const { return rows_; }
  const std::map<std::string, boost::json::value>& schemas() const { return schemas_; }

  // The row that answers a request on this address, or the answer: 404 says which known path is
  // near or that the path is on the other address, 405 which methods there are (HEAD is one where
  // GET is), 400 which part of the path is not encoded as it should be. `path` has no query and no
  // trailing slash.
  boost::system::result<route_match, refusal> find(surface where, std::string_view method,
                                                   std::string_view path) const;

 private:
  refusal nothing_at(surface where, std::string_view path,
                     const std::vector<std::string_view>& segments) const;

  std::deque<route> rows_;
  std::map<std::string, boost::json::value> schemas_;
};

// "GET, HEAD, POST": what these rows, all of one path, answer.
std::string allowed_methods(const std::vector<const route*>& rows);

}  // namespace pulse::server
