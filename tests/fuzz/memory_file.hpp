// A file of the log that is read only.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "log/storage.hpp"

namespace pulse::fuzz {

class memory_file final : public log::storage_file {
 public:
  explicit memory_file(std::string content) : content_(std::move(content)) {}

  const std::string& content() const { return content_; }

  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> to) const override {
    const auto from = std::min<std::uint64_t>(offset, content_.size());
    const auto bytes = std::min<std::size_t>(to.size(), content_.size() - from);
    if (bytes != 0) std::memcpy(to.data(), content_.data() + from, bytes);
    return bytes;
  }
  result<std::uint64_t> size() const override { return std::uint64_t{content_.size()}; }

  result<void> write_at(std::uint64_t /*offset*/, byte_view /*bytes*/) override { return refused; }
  result<void> sync() override { return refused; }
  result<void> preallocate(std::uint64_t /*size*/) override { return refused; }
  result<void> truncate(std::uint64_t /*size*/) override { return refused; }

 private:
  inline static const error refused{errc::io, "the file is read only", {}};
  std::string content_;
};

}  // namespace pulse::fuzz
