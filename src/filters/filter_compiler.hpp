// From the filters of a request to conditions on a table's rows.
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "base/error.hpp"
#include "change/relation.hpp"
#include "change/table_facts.hpp"
#include "filters/predicate.hpp"
#include "requests/model.hpp"

namespace pulse::filters {

// What a filter is compiled against. `facts` may be null: not known.
struct filter_table {
  const relation* definition = nullptr;
  const table_facts* facts = nullptr;
};

// Conditions in all filters of one stream: each is judged for every event that could concern it.
inline constexpr std::size_t filter_conditions_max = 500;

// Compiles one kind of event's filter with Prisma's rules for what is empty: `{}` and the like are
// no condition, wherever they stand, but an `OR` of nothing at the top matches nothing.
class filter_compiler {
 public:
  enum class strictness {
    opening,  // what cannot be is refused: unknown fields, values of another type, old values that
              // the table's replica identity never sends
    following,  // the table was altered since: such a condition is left open
  };

  filter_compiler(const requests::model& wanted, filter_table table, strictness how)
      : model_(&wanted), table_(table), how_(how) {}

  // errc::invalid_argument also when these are more than filter_conditions_max, with those that
  // were compiled before. `where` is the filter's place in the request ("update.after"), for
  // messages. `side` says which row is judged. Errors name the field and the operator.
  result<predicate> compile(const boost::json::object& filter, const std::string& where,
                            row_side side);

  // Following: why conditions were left open; empty when none was.
  const std::string& left_open() const { return left_open_; }

 private:
  result<predicate> object(const boost::json::object& filter, const std::string& where,
                           bool outermost);
  result<predicate> combination(std::string_view key, const boost::json::value& value,
                                const std::string& path, bool outermost);
  result<predicate> field(std::string_view name, const boost::json::value& given,
                          const std::string& path);
  result<predicate> on_column(const requests::model_field& named, const boost::json::value& given,
                              const std::string& path) const;
  result<void> check_sent(const column& of, const std::string& path) const;

  const requests::model* model_;
  filter_table table_;
  strictness how_;
  row_side side_ = row_side::new_row;
  std::string left_open_;
  std::size_t conditions_ = 0;
};

}  // namespace pulse::filters
