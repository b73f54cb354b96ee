#include "filters/predicate.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pulse::filters {
namespace {

// What a condition takes beside the value's bytes.
constexpr work_units units_a_condition = 64;

truth judge_value(const predicate& test, judged_value* value) {
  if (value == nullptr) return truth::open();
  if (test.op == predicate::operation::is_null) return truth::of(value->is_null());
  if (value->is_null()) return truth::unknown();
  if (value->text().size() > test.cost.bytes_max) return truth::open();
  return test.holds(*value);
}

truth evaluate_leaf(const predicate& test, judging& how) {
  if (how.outcomes == nullptr)
    return judge_value(test, how.values->at(test.side, test.column, test.in_identity));
  auto& known = (*how.outcomes)[test.number];
  if (known) return *known;
  if (how.left == 0) {
    how.unfinished = true;
    return truth::open();
  }
  auto* value = how.values->at(test.side, test.column, test.in_identity);
  known = judge_value(test, value);
  const auto bytes =
      value == nullptr || test.op == predicate::operation::is_null ? 0 : value->text().size();
  how.left -= std::min(how.left, units_a_condition + test.cost.per_byte * bytes);
  return *known;
}

std::optional<index_terms> narrowest_of(const predicate& all) {
  std::optional<index_terms> best;
  for (const auto& child : all.children) {
    auto terms = terms_of(child);
    if (terms && (!best || terms->values.keys.size() < best->values.keys.size()))
      best = std::move(terms);
  }
  return best;
}

// An OR is bound when each of its parts is, to the same column.
std::optional<index_terms> union_of(const predicate& any) {
  std::optional<index_terms> all;
  for (const auto& child : any.children) {
    auto terms = terms_of(child);
    if (!terms) return std::nullopt;
    if (!all) {
      all = std::move(terms);
      continue;
    }
    if (terms->column != all->column || terms->side != all->side ||
        terms->values.form.name != all->values.form.name) {
      return std::nullopt;
    }
    std::vector<std::string> keys;
    std::ranges::set_union(all->values.keys, terms->values.keys, std::back_inserter(keys));
    all->values.keys = std::move(keys);
  }
  return all;
}

}  // namespace

predicate negate(predicate inner) {
  predicate negated;
  negated.op = predicate::operation::negated;
  negated.children.push_back(std::move(inner));
  return negated;
}

predicate open_predicate() {
  predicate open;
  open.op = predicate::operation::open;
  return open;
}

std::size_t number_conditions(predicate& test, std::size_t first) {
  if (test.op == predicate::operation::is_null || test.op == predicate::operation::test) {
    test.number = first;
    return 1;
  }
  std::size_t count = 0;
  for (auto& child : test.children) count += number_conditions(child, first + count);
  return count;
}

truth evaluate(const predicate& test, judging& how) {
  switch (test.op) {
    case predicate::operation::all: {
      auto outcome = truth::yes();
      for (const auto& child : test.children) {
        outcome = outcome && evaluate(child, how);
        if (how.unfinished || outcome == truth::no()) break;
      }
      return outcome;
    }
    case predicate::operation::any: {
      auto outcome = truth::no();
      for (const auto& child : test.children) {
        outcome = outcome || evaluate(child, how);
        if (how.unfinished || outcome == truth::yes()) break;
      }
      return outcome;
    }
    case predicate::operation::negated:
      return !evaluate(test.children.front(), how);
    case predicate::operation::is_null:
    case predicate::operation::test:
      return evaluate_leaf(test, how);
    case predicate::operation::open:
      return truth::open();
  }
  return truth::open();
}

std::optional<index_terms> terms_of(const predicate& test) {
  switch (test.op) {
    case predicate::operation::all:
      return narrowest_of(test);
    case predicate::operation::any:
      return union_of(test);
    case predicate::operation::test: {
      if (!test.demands) return std::nullopt;
      index_terms terms{test.side, test.column, test.in_identity, *test.demands};
      auto& keys = terms.values.keys;
      std::ranges::sort(keys);
      const auto twice = std::ranges::unique(keys);
      keys.erase(twice.begin(), twice.end());
      return terms;
    }
    case predicate::operation::negated:
    case predicate::operation::is_null:
    case predicate::operation::open:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace pulse::filters
