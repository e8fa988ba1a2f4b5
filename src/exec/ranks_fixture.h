// Ranks as threads of one process, for tests.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "exec/ranks.h"

namespace meso::testing {

class ThreadRanks final : public Ranks {
 public:
  struct Post {
    std::mutex mutex;
    std::vector<std::deque<Message>> boxes;
  };
  ThreadRanks(std::shared_ptr<Post> post, unsigned rank) : post_(std::move(post)), rank_(rank) {}
  [[nodiscard]] unsigned rank() const override { return rank_; }
  [[nodiscard]] unsigned size() const override { return static_cast<unsigned>(post_->boxes.size()); }
  void send(unsigned to, std::string bytes) override {
    const std::lock_guard lock(post_->mutex);
    post_->boxes[to].push_back({rank_, std::move(bytes)});
  }
  [[nodiscard]] std::optional<Message> receive() override {
    const std::lock_guard lock(post_->mutex);
    auto& box = post_->boxes[rank_];
    if (box.empty()) return std::nullopt;
    Message message = std::move(box.front());
    box.pop_front();
    return message;
  }

 private:
  std::shared_ptr<Post> post_;
  unsigned rank_;
};

/// Runs `first` as rank 0 and `other` as each of the others; rank 0's last word to them is `end`.
inline void with_ranks(unsigned size, const std::function<void(Ranks&)>& first, const std::function<void(Ranks&)>& other) {
  auto post = std::make_shared<ThreadRanks::Post>();
  post->boxes.resize(size);
  std::vector<std::jthread> threads;
  for (unsigned r = 1; r < size; ++r)
    threads.emplace_back([=] {
      ThreadRanks ranks(post, r);
      other(ranks);
    });
  ThreadRanks ranks(post, 0);
  try {
    first(ranks);
  } catch (...) {
    ranks.send_to_others(say(Word::end).sealed());
    throw;
  }
  ranks.send_to_others(say(Word::end).sealed());
}

}  // namespace meso::testing
