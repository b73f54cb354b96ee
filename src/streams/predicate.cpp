#include "streams/predicate.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pulse::streams {
namespace {

truth evaluate_leaf(const predicate& test, const event_view& event) {
  const auto value = filter_row::of(event, test.side).at(test.column, test.in_identity);
  if (!value) return truth::open();
  const bool null = value->state == column_state::null;
  if (test.op == predicate::operation::is_null) return truth::of(null);
  return null ? truth::unknown() : test.holds(value->text);
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
        terms->values.type != all->values.type) {
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

truth evaluate(const predicate& test, const event_view& event) {
  switch (test.op) {
    case predicate::operation::all: {
      auto outcome = truth::yes();
      for (const auto& child : test.children) {
        outcome = outcome && evaluate(child, event);
        if (outcome == truth::no()) break;
      }
      return outcome;
    }
    case predicate::operation::any: {
      auto outcome = truth::no();
      for (const auto& child : test.children) {
        outcome = outcome || evaluate(child, event);
        if (outcome == truth::yes()) break;
      }
      return outcome;
    }
    case predicate::operation::negated:
      return !evaluate(test.children.front(), event);
    case predicate::operation::is_null:
    case predicate::operation::test:
      return evaluate_leaf(test, event);
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

}  // namespace pulse::streams
