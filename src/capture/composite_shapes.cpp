#include "capture/composite_shapes.hpp"

#include <algorithm>
#include <utility>

namespace pulse::capture {

namespace {

// Of types that both have.
bool other_attributes(const type_catalog& before, const type_catalog& now) {
  return std::ranges::any_of(now.entries(), [&](const auto& one) {
    const auto* known = one.second.kind == 'c' ? before.find(one.first) : nullptr;
    return known != nullptr && known->attributes != one.second.attributes;
  });
}

}  // namespace

const composite_shapes::attributes* composite_shapes::here(const type_entry& newest) const {
  const auto told = told_.find(newest.oid);
  if (told == told_.end()) {
    if (others_ && !supersedes(newest, *others_)) return nullptr;
    return newest.since <= reached_ ? &newest.attributes : nullptr;
  }
  return told->second.has ? &*told->second.has : nullptr;
}

// What was told holds until a message says otherwise, or the catalog, of a place behind it.
bool composite_shapes::supersedes(const type_entry& newest, const shape& told) const {
  if (newest.since > reached_) return false;
  return newest.since > told.at || (told.read && *told.read <= reached_);
}

bool composite_shapes::use(const type_catalog& newest) {
  if (newest_ == &newest) return false;
  if (newest_ != nullptr) {
    for (const auto& [oid, before] : newest_->entries()) {
      if (before.kind != 'c') continue;
      if (const auto* now = newest.find(oid)) note_altered(before, *now);
    }
  }
  return mix(newest);
}

// Where it was altered, before it was read, a message says, if messages come of all that is altered
// until then.
void composite_shapes::note_altered(const type_entry& before, const type_entry& now) {
  if (now.since <= reached_) return;  // it holds already
  const auto told = told_.find(now.oid);
  if (told != told_.end()) {
    auto& one = told->second;
    const bool all_since = messages_from_ && *messages_from_ <= one.at;
    if (!all_since && now.since > one.at && one.has != now.attributes) one.has.reset();
    return;
  }
  if (!messages_from_ || *messages_from_ > reached_) return;
  if (before.attributes.empty() || now.attributes == before.attributes) return;
  if (const auto* known = here(before)) told_.emplace(now.oid, shape{*known, reached_});
}

void composite_shapes::forget() {
  newest_ = nullptr;
  told_.clear();
  others_.reset();
  mixed_.reset();
  reached_ = {};
  next_.reset();
}

bool composite_shapes::reach(lsn commit) {
  reached_ = std::max(reached_, commit);
  return next_ && *next_ <= reached_ && mix(*newest_);
}

bool composite_shapes::said(const ddl_message& message) {
  if (message.more_composites) {
    told_.clear();
    others_ = shape{std::nullopt, reached_};
  }
  for (const auto& [oid, has] : message.composites)
    told_.insert_or_assign(oid, shape{has, reached_});
  const bool any = message.more_composites || !message.composites.empty();
  return any && newest_ != nullptr && mix(*newest_);
}

bool composite_shapes::awaits_reading() const {
  return (others_ && !others_->read) || std::ranges::any_of(told_, [](const auto& told) {
           return !told.second.has && !told.second.read;
         });
}

bool composite_shapes::read(lsn before) {
  if (!awaits_reading()) return false;
  if (others_ && !others_->read) others_->read = before;
  for (auto& [oid, told] : told_) {
    if (!told.has && !told.read) told.read = before;
  }
  return mix(*newest_);
}

// Copied only where something differs: a database may have many thousands of types.
bool composite_shapes::mix(const type_catalog& newest) {
  std::vector<type_entry> differing;
  next_.reset();
  const auto wait_for = [&](lsn place) {
    if (place > reached_) next_ = std::min(next_.value_or(place), place);
  };
  if (others_ && others_->read) {
    if (*others_->read <= reached_) {
      others_.reset();
    } else {
      wait_for(*others_->read);
    }
  }
  for (const auto& [oid, one] : newest.entries()) {
    if (one.kind != 'c') continue;
    wait_for(one.since);
    if (const auto told = told_.find(oid); told != told_.end()) {
      if (told->second.read) wait_for(*told->second.read);
      if (supersedes(one, told->second)) told_.erase(told);
    }
    const auto* has = here(one);
    if (has != nullptr && *has == one.attributes) continue;
    differing.push_back(one);
    differing.back().attributes = has == nullptr ? attributes() : *has;
  }
  const auto* read_before = std::exchange(newest_, &newest);
  const auto mixed_before = std::exchange(mixed_, std::nullopt);
  if (!differing.empty()) {
    mixed_ = newest;
    for (auto& one : differing) mixed_->put(std::move(one));
  }
  if (read_before == nullptr) return false;
  return other_attributes(mixed_before ? *mixed_before : *read_before, types());
}

}  // namespace pulse::capture
