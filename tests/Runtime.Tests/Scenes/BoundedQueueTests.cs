namespace EoOnnx.Runtime.Tests.Scenes;

public sealed class BoundedQueueTests
{
    private static readonly TimeSpan Hang = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Items_come_out_in_order_through_a_queue_that_is_smaller_than_they_are_many_and_the_end_is_told_again_and_again()
    {
        const int count = 10_000;
        using var queue = new BoundedQueue<int>(3);
        var writer = OnThread(() =>
        {
            for (var i = 0; i < count; i++)
            {
                queue.Add(i, CancellationToken.None);
            }

            queue.Complete();
        });
        var read = new List<int>();
        await OnThread(() =>
        {
            while (queue.TryTake(out var item, CancellationToken.None))
            {
                read.Add(item);
            }
        });
        await writer;
        Assert.Equal(Enumerable.Range(0, count), read);
        Assert.False(queue.TryTake(out _, CancellationToken.None));
        Assert.False(queue.TryTake(out _, CancellationToken.None));
    }

    [Fact]
    public async Task Whoever_waits_for_an_item_for_room_or_for_a_buffer_is_let_go_by_cancellation()
    {
        using var stop = new CancellationTokenSource();
        using var empty = new BoundedQueue<int>(1);
        using var full = new BoundedQueue<int>(1);
        using var pool = new Pool<int[]>([]);
        full.Add(1, CancellationToken.None);
        var waiting = new[] { OnThread(() => empty.TryTake(out _, stop.Token)), OnThread(() => full.Add(2, stop.Token)), OnThread(() => pool.Take(stop.Token)) };
        await stop.CancelAsync();
        foreach (var wait in waiting)
        {
            Assert.Equal(stop.Token, (await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait)).CancellationToken);
        }

        Assert.True(full.TryTake(out var kept, CancellationToken.None));
        Assert.Equal(1, kept);
    }

    [Fact]
    public void A_cancelled_run_gets_nothing_more_even_if_there_is_something()
    {
        using var queue = new BoundedQueue<int>(2);
        queue.Add(1, CancellationToken.None);
        Assert.ThrowsAny<OperationCanceledException>(() => queue.TryTake(out _, new CancellationToken(true)));
        Assert.ThrowsAny<OperationCanceledException>(() => queue.Add(2, new CancellationToken(true)));
    }

    private static Task OnThread(Action action) => Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).WaitAsync(Hang);
}
