/* Gives each row of a square cost matrix a column of its own, so that the total is least: the
   Hungarian method, by shortest augmenting paths.

   Every row and column has a price, such that no cost is below the sum of its two prices; what
   it is above that sum is its slack. A new row searches the cheapest way (by slack) to a free
   column, where taking another row's column makes that row search on. Prices then change so
   that the way has no slack, and the rows on it move. In the end all pairs have slack 0: the
   total is the sum of the prices, and nothing can be cheaper.

   Input: the rows, with a semicolon or line end between them, costs with blanks or commas. */
#define HARDMAX_PLAIN_PRINTF
#include "hardmax.h"

enum { MOST = 16, MOST_COST = 1000000, NONE = -1 };

static int n;
static int cost[MOST][MOST];
static int row_price[MOST], column_price[MOST];
static int row_of[MOST];    /* the row that holds a column, or NONE */
static int column_of[MOST]; /* the column that a row holds, or NONE */

/* For the search of one row, by column: */
static int distance[MOST];  /* the cheapest way found so far */
static int reached_by[MOST]; /* the row that the way comes from */
static bool settled[MOST];  /* whether no cheaper way can exist */

static bool between_costs(char c) { return c == ' ' || c == '\t' || c == ',' || c == '\r'; }
static bool between_rows(char c) { return c == ';' || c == '\n'; }

/* Reads the matrix; returns what is wrong with it, or NULL. */
static const char *read_costs(const char *s) {
    int rows = 0, columns = 0;
    for (;;) {
        while (between_costs(*s)) s++;
        if (*s == 0 || between_rows(*s)) {
            if (columns != 0) {
                if (rows != 0 && columns != n) return "the rows differ in length";
                n = columns;
                rows++;
                columns = 0;
            }
            if (*s == 0) break;
            s++;
            continue;
        }
        int value;
        if (!read_int(&s, &value)) return "expected rows of whole numbers, such as 4 1 3; 2 0 5; 3 2 2";
        if (value > MOST_COST || value < -MOST_COST) return "costs go from -1000000 to 1000000";
        if (rows == MOST || columns == MOST) return "at most 16 rows and columns are possible";
        cost[rows][columns++] = value;
    }
    if (rows == 0) return "expected rows of whole numbers, such as 4 1 3; 2 0 5; 3 2 2";
    return rows == n ? NULL : "there must be as many rows as columns";
}

/* Improves the ways to all columns by those that go on from a row at a distance. */
static void relax(int row, int from) {
    for (int column = 0; column < n; column++) {
        if (settled[column]) continue;
        int way = from + cost[row][column] - row_price[row] - column_price[column];
        if (way < distance[column]) {
            distance[column] = way;
            reached_by[column] = row;
        }
    }
}

static int nearest_open_column(void) {
    int nearest = NONE;
    for (int column = 0; column < n; column++) {
        if (settled[column]) continue;
        if (nearest == NONE || distance[column] < distance[nearest]) nearest = column;
    }
    return nearest;
}

/* Finds the cheapest way of a row to a free column, which it returns. */
static int search(int row) {
    for (int column = 0; column < n; column++) {
        distance[column] = INT_MAX;
        settled[column] = false;
    }
    int from = 0;
    for (;;) {
        relax(row, from);
        int column = nearest_open_column();
        settled[column] = true;
        if (row_of[column] == NONE) return column;
        row = row_of[column];
        from = distance[column];
    }
}

/* Takes the slack out of the way that ends at a free column, and lets none become negative. */
static void change_prices(int new_row, int end) {
    row_price[new_row] += distance[end];
    for (int column = 0; column < n; column++) {
        if (!settled[column] || column == end) continue;
        int change = distance[end] - distance[column];
        column_price[column] -= change;
        row_price[row_of[column]] += change;
    }
}

/* Moves the rows along the way, from its end back to the new row. */
static void move_rows(int new_row, int column) {
    for (;;) {
        int row = reached_by[column], old = column_of[row];
        row_of[column] = row;
        column_of[row] = column;
        if (row == new_row) {
            printf("  row %d takes column %d\n", row + 1, column + 1);
            return;
        }
        printf("  row %d moves from column %d to column %d\n", row + 1, old + 1, column + 1);
        column = old;
    }
}

static void print_result(void) {
    int total = 0, prices = 0;
    puts("\nCheapest matching:");
    for (int row = 0; row < n; row++) {
        print(" ");
        for (int column = 0; column < n; column++) {
            bool chosen = column_of[row] == column;
            printf(chosen ? " [%3d]" : "  %3d ", cost[row][column]);
        }
        printf("   row %d -> column %d\n", row + 1, column_of[row] + 1);
        total += cost[row][column_of[row]];
        prices += row_price[row] + column_price[row];
    }
    printf("\nTotal cost %d\n", total);
    assert(prices == total);
    printf("Proof: the prices add up to %d, and no cost is below its row's and column's prices.\n", prices);
}

void compute(const char *input) {
    const char *problem = read_costs(input);
    if (problem != NULL) {
        print("error: ");
        puts(problem);
        return;
    }
    for (int i = 0; i < n; i++) row_of[i] = column_of[i] = NONE;
    for (int row = 0; row < n; row++) {
        int end = search(row);
        printf("Row %d: its cheapest way to a free column adds %d\n", row + 1, distance[end]);
        change_prices(row, end);
        move_rows(row, end);
    }
    print_result();
}
