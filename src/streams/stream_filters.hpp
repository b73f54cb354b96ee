// One stream's filters, compiled for each version of its table.
#pragma once

#include <memory>
#include <unordered_map>

#include "change/relation.hpp"
#include "filters/filter.hpp"
#include "requests/request.hpp"
#include "streams/hub.hpp"

namespace pulse::streams {

// One owner; not thread-safe.
class stream_filters {
 public:
  // `facts`: those at the opening of the stream. The others outlive this.
  stream_filters(const hub::parts& with, const requests::stream_request& wanted,
                 std::shared_ptr<const table_facts> facts)
      : with_(&with), wanted_(&wanted), facts_(std::move(facts)) {}

  // Conditions that do not fit this version of the table decide nothing, and are logged.
  const filters::filter& of(relation_version version);

 private:
  const hub::parts* with_;
  const requests::stream_request* wanted_;
  std::shared_ptr<const table_facts> facts_;
  std::unordered_map<relation_version, std::shared_ptr<const filters::filter>> compiled_;
};

}  // namespace pulse::streams
