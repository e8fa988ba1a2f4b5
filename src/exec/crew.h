// A crew: threads of this process that do numbered jobs, given and taken back by one thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace meso {

template <class Result>
class Crew {
 public:
  /// A job that came to its end: with a result, or with what it threw.
  struct Done {
    std::uint64_t job = 0;
    std::optional<Result> result;
    std::exception_ptr error;
  };

  Crew(unsigned threads, std::function<Result(std::uint64_t)> work) : work_(std::move(work)) {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
  }
  ~Crew() { (void)dismiss(); }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  void add(std::uint64_t job) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(job);
      ++load_;
    }
    given_.notify_one();
  }

  /// Jobs given and not yet taken back.
  [[nodiscard]] std::size_t load() const {
    const std::lock_guard lock(mutex_);
    return load_;
  }

  /// What has been done since the last call; waits for something no longer than `patience`.
  [[nodiscard]] std::vector<Done> take(std::chrono::microseconds patience) {
    std::unique_lock lock(mutex_);
    finished_.wait_for(lock, patience, [&] { return !done_.empty(); });
    return take_all();
  }

  /// Forgets the jobs that nobody has begun, waits for the others and gives back what is left. The crew is gone then.
  std::vector<Done> dismiss() {
    {
      const std::lock_guard lock(mutex_);
      load_ -= queue_.size();
      queue_.clear();
      over_ = true;
    }
    given_.notify_all();
    threads_.clear();
    return take_all();
  }

 private:
  std::vector<Done> take_all() {
    load_ -= done_.size();
    return std::exchange(done_, {});
  }

  void run() {
    while (true) {
      Done done;
      {
        std::unique_lock lock(mutex_);
        given_.wait(lock, [&] { return over_ || !queue_.empty(); });
        if (queue_.empty()) return;
        done.job = queue_.front();
        queue_.pop_front();
      }
      try {
        done.result = work_(done.job);
      } catch (...) {
        done.error = std::current_exception();
      }
      {
        const std::lock_guard lock(mutex_);
        done_.push_back(std::move(done));
      }
      finished_.notify_one();
    }
  }

  std::function<Result(std::uint64_t)> work_;
  mutable std::mutex mutex_;
  std::condition_variable given_, finished_;
  std::deque<std::uint64_t> queue_;
  std::vector<Done> done_;
  std::size_t load_ = 0;
  bool over_ = false;
  std::vector<std::jthread> threads_;  // the last: they are joined before anything they use goes
};

}  // namespace meso
